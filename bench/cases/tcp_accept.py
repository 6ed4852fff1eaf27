"""Short connections over TCP."""

from bench.case import LIMIT, PEERS, Case, Variant
from bench.measures import throughput

CASE = Case(
    name="tcp-accept",
    about="Connect, exchange 64 bytes, close, over TCP",
    unit="connections/s",
    variants=[Variant("50 at once", "tcp {ours} -n 50 -s 64 accept")],
    measure=throughput,
    peers=(*PEERS, LIMIT),
)
