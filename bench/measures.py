"""The way that most cases are measured: load on a server, and operations counted."""

from __future__ import annotations

import json

from bench.case import Sample, Variant
from bench.processes import Process
from bench.session import Session

__all__ = ["read_rate", "throughput"]


def throughput(session: Session, peer: str, variant: Variant) -> Sample:
    """Operations a second, as the load program counts them.

    :raises BenchError: server or load failed.
    """
    with session.server(peer, variant.serve) as server:
        port = int(server.read_line())
        with session.load(variant.load, port, server) as load:
            return read_rate(load, session)


def read_rate(process: Process, session: Session) -> Sample:
    """Read the line of JSON that says how many operations there were in how many seconds, for how much CPU time.

    :raises BenchError: there is none, or there were no operations.
    """
    found = json.loads(process.read_line(session.warmup + session.seconds))
    if not found["operations"]:
        raise process.failure("saw not one operation succeed")
    return Sample(found["operations"] / found["seconds"], found["cpu"] / found["operations"] * 1e6)
