"""Round trips over UDP."""

from bench.case import Case, Variant
from bench.measures import throughput

CASE = Case(
    name="udp-echo",
    about="Echo over UDP, one datagram in flight from each socket",
    unit="datagrams/s",
    variants=[Variant("64 B, 50 sockets", "udp {ours} -n 50 -s 64 echo", serve="udp-echo")],
    measure=throughput,
)
