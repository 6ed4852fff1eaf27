"""Round trips over TLS."""

from bench.case import Case, Variant
from bench.measures import throughput

CASE = Case(
    name="tls-echo",
    about="Echo over TLS 1.3, one message in flight on each connection",
    unit="messages/s",
    variants=[Variant("256 B, 20 connections", "tls {ours} -n 20 -s 256 echo", serve="tls-echo")],
    measure=throughput,
)
