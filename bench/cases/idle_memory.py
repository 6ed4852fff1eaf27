"""Memory of idle connections."""

from bench.case import LIMIT, PEERS, Case, Variant
from bench.measures import memory_of_idle

CASE = Case(
    name="idle-memory",
    about="Resident memory for each of 10 000 idle connections that have echoed 64 bytes once",
    unit="bytes/connection",
    variants=[Variant("10 000 connections", "tcp {ours} -s 64")],
    measure=memory_of_idle,
    peers=(*PEERS, LIMIT),
    less_is_better=True,
)
