"""The ways that most cases are measured: load on a server, and operations counted."""

from __future__ import annotations

import json
import math
import re
import resource
from collections.abc import Callable
from typing import NamedTuple

from bench.case import Sample, Variant
from bench.processes import BenchError, Process
from bench.session import Session

__all__ = ["by_h2load", "by_wrk", "latency", "memory_of_idle", "read_rate", "throughput"]

_IDLE = 10_000
_QUICK_IDLE = 1_000
# Descriptors that a process has besides.
_SPARE = 100
_H2LOAD = re.compile(
    r"finished in \S+, ([\d.]+) req/s.*"
    r" (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout\n"
    r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx",
    re.DOTALL,
)


class _Found(NamedTuple):
    """What a program saw: requests a second, how many succeeded, and how many failed."""

    rate: float
    succeeded: int
    failed: int


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
    found = _read_line(process, session)
    return Sample(found["operations"] / found["seconds"], found["cpu"] / found["operations"] * 1e6)


def latency(session: Session, peer: str, variant: Variant, figure: str) -> Sample:
    """Milliseconds, as the load program measures them.

    :param figure: which, as the program calls it.
    :raises BenchError: server or load failed.
    """
    with session.server(peer, variant.serve) as server:
        port = int(server.read_line())
        with session.load(variant.load, port, server) as load:
            return Sample(_read_line(load, session)[figure] * 1000, None)


def _read_line(process: Process, session: Session) -> dict[str, float]:
    found: dict[str, float] = json.loads(process.read_line(session.warmup + session.seconds))
    if not found["operations"]:
        raise process.failure("saw not one operation succeed")
    return found


def memory_of_idle(session: Session, peer: str, variant: Variant) -> Sample:
    """Bytes of resident memory for each of many connections.

    :raises BenchError: server or load failed, or there may not be so many connections.
    """
    connections = _QUICK_IDLE if session.quick else _IDLE
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


def by_wrk(session: Session, peer: str, variant: Variant) -> Sample:
    """Requests a second, as wrk counts them.

    :raises BenchError: server or load failed, or not all requests succeeded.
    """
    return _by_program(session, peer, variant, _read_wrk)


def by_h2load(session: Session, peer: str, variant: Variant) -> Sample:
    """Requests a second, as h2load counts them.

    :raises BenchError: server or load failed, or not all requests succeeded.
    """
    return _by_program(session, peer, variant, _read_h2load)


def _by_program(session: Session, peer: str, variant: Variant, read: Callable[[str], _Found]) -> Sample:
    """As :func:`throughput`, with a program that knows no warm-up, only whole seconds, and nothing of the server.

    :param read: finds in its output what it saw.
    """
    with session.server(peer, variant.serve) as server:
        port = int(server.read_line())
        if not session.quick:
            _run(session, variant, port, server, session.warmup)
        before = server.cpu_seconds()
        found = read(_run(session, variant, port, server, session.seconds))
        spent = server.cpu_seconds() - before
        if found.failed or not found.succeeded:
            raise server.failure(f"had {found.failed} requests fail, and {found.succeeded} succeed")
    return Sample(found.rate, spent / found.succeeded * 1e6)


def _run(session: Session, variant: Variant, port: int, server: Process, seconds: float) -> str:
    whole = math.ceil(seconds)
    with session.load(variant.load, port, server, whole) as load:
        return load.read_all(whole)


def _read_wrk(output: str) -> _Found:
    # What bench/load/wrk.lua says.
    found = json.loads(output.splitlines()[-1])
    return _Found(found["operations"] / found["seconds"], found["operations"] - found["failed"], found["failed"])


def _read_h2load(output: str) -> _Found:
    found = _H2LOAD.search(output)
    if found is None:
        raise BenchError(f"h2load said something else than expected:\n{output}")
    rate, succeeded, *failed = found.groups()
    return _Found(float(rate), int(succeeded), sum(map(int, failed)))
