"""What a case is. Each file in ``bench/cases`` declares one as ``CASE``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.session import Session

__all__ = ["LIMIT", "OURS", "PEERS", "WEB_LIMIT", "WEB_PEERS", "Case", "Measure", "Sample", "Variant"]

OURS = "ours"
PEERS = ("twisted-epoll", "twisted-asyncio", "bare-asyncio", "bare-uvloop")
LIMIT = "c-epoll"
"""A server in C that does nothing else: what the machine and the load program can do at most."""
WEB_PEERS = ("twisted-web", "uvicorn", "granian", "gunicorn", "hypercorn", "websockets", "websockets-uvloop")
WEB_LIMIT = "nginx"
"""A web server in C, without any application."""


@dataclass(frozen=True)
class Variant:
    """One set of circumstances.

    :ivar name: as people and the JSON call it; stable.
    :ivar load: the command of the load program: one of ``bench/load``, or any that is installed. ``{ours}`` stands for
        the options that those of ``bench/load`` share, ``{wrk}`` for those that wrk always gets; ``{http}`` and
        ``{https}`` for how URLs of the server begin; ``{port}``, ``{server}`` (a process id), ``{warmup}`` and
        ``{seconds}`` for themselves.
    :ivar serve: which server is needed, as ``bench/peers`` know them.
    """

    name: str
    load: str = ""
    serve: str = "tcp-echo"


class Sample(NamedTuple):
    """What one measurement found.

    :ivar value: in the unit of the case.
    :ivar cpu_us: microseconds of CPU time that the server took for each operation; ``None`` if there are none.
    """

    value: float
    cpu_us: float | None


Measure = Callable[[Session, str, Variant], Sample]
"""Measures the named server once. Raises :exc:`bench.processes.BenchError`."""


@dataclass(frozen=True)
class Case:
    """Something to measure.

    :ivar name: as people and the JSON call it; stable.
    :ivar about: one line for people.
    :ivar unit: of the values.
    :ivar variants: the first of them is all that a quick run measures.
    :ivar measure: how.
    :ivar peers: whom we are compared with.
    :ivar less_is_better: for times and memory; ratios are turned over then.
    """

    name: str
    about: str
    unit: str
    variants: Sequence[Variant]
    measure: Measure
    peers: Sequence[str] = PEERS
    less_is_better: bool = False
