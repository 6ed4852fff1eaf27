"""Round trips over WebSocket."""

from bench.case import Case, Variant
from bench.measures import throughput

CASE = Case(
    name="ws-echo",
    about="Echo over WebSocket, one message in flight on each connection",
    unit="messages/s",
    variants=[
        Variant(f"{name}, 50 connections", f"ws {{ours}} -n 50 -s {size} echo", serve="ws-echo")
        for name, size in (("1 KiB", 1024), ("64 B", 64))
    ],
    measure=throughput,
    peers=("websockets", "websockets-uvloop"),
)
