"""Short connections over TLS."""

from bench.case import Case, Variant
from bench.measures import throughput

CASE = Case(
    name="tls-handshake",
    about="Connect, shake hands in full by TLS 1.3, exchange 64 bytes, close",
    unit="handshakes/s",
    variants=[Variant("20 at once", "tls {ours} -n 20 -s 64 handshake", serve="tls-echo")],
    measure=throughput,
)
