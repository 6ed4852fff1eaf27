"""Memory of idle connections."""

import resource

from bench.case import LIMIT, PEERS, Case, Sample, Variant
from bench.processes import BenchError
from bench.session import Session

_CONNECTIONS = 10_000
_QUICK_CONNECTIONS = 1_000
# Descriptors that a process has besides.
_SPARE = 100


def _hold_connections(session: Session, peer: str, variant: Variant) -> Sample:
    connections = _QUICK_CONNECTIONS if session.quick else _CONNECTIONS
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < connections + _SPARE:
        raise BenchError(f"{connections} connections need as many open files, and `ulimit -Hn` is {most}")
    # What is started inherits it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with session.server(peer, variant.serve) as server:
        port = int(server.read_line())
        before = server.resident_bytes()
        with session.load(f"{variant.load} -n {connections} idle", port, server) as load:
            load.read_line()
            grown = server.resident_bytes() - before
    # Less than a byte is no more than the noise of whole pages, and no ratio can be had of it.
    return Sample(max(grown / connections, 1.0), None)


CASE = Case(
    name="idle-memory",
    about="Resident memory for each of 10 000 idle connections that have echoed 64 bytes once",
    unit="bytes/connection",
    variants=[Variant("10 000 connections", "tcp {ours} -s 64")],
    measure=_hold_connections,
    peers=(*PEERS, LIMIT),
    less_is_better=True,
)
