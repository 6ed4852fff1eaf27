"""Round trips over TCP."""

from bench.case import LIMIT, PEERS, Case, Variant
from bench.measures import throughput

_SIZES = {"1 KiB": 1024, "64 B": 64, "16 KiB": 16384}
_CONNECTIONS = {"50 connections": 50, "1 connection": 1, "1000 connections": 1000}

CASE = Case(
    name="tcp-echo",
    about="Echo over TCP, one message in flight on each connection",
    unit="messages/s",
    variants=[
        *(
            Variant(f"{long}, {connected}", f"tcp {{ours}} -n {connections} -s {size} echo")
            for long, size in _SIZES.items()
            for connected, connections in _CONNECTIONS.items()
        ),
        Variant("1 KiB, 50 connections, EchoFactory", "tcp {ours} -n 50 -s 1024 echo", serve="tcp-echo-factory"),
    ],
    measure=throughput,
    peers=(*PEERS, LIMIT),
)
