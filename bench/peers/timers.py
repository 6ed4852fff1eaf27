"""The load of the case ``timers``, which runs in the server itself."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

from bench.peers.serving import Arguments

__all__ = ["TimerLoad"]

Timer = TypeVar("Timer")

_OUTSTANDING = 100_000
# Seconds, always the same, as with the idle deadlines of connections. None of them ever comes.
_DELAY = 600.0
# How many operations a turn makes.
_BATCH = 100
# From timer to timer, so that neighbours in time are none in memory. It shares no factor with their number.
_STRIDE = 61_803


class TimerLoad(Generic[Timer]):
    """Change one of 100 000 outstanding timers after the other, print how many were changed, and end the process.

    :param start: start a timer of so many seconds.
    :param change: make a timer fire so many seconds from now; returns it or what stands in its place.
    :param turn: call in the next turn of the reactor or loop.
    """

    def __init__(
        self,
        arguments: Arguments,
        start: Callable[[float], Timer],
        change: Callable[[Timer, float], Timer],
        turn: Callable[[Callable[[], None]], object],
    ) -> None:
        self._timers = [start(_DELAY) for _ in range(_OUTSTANDING)]
        self._change = change
        self._turn = turn
        self._position = 0
        self._operations = 0
        self._begin = time.monotonic() + arguments.warmup
        self._end = self._begin + arguments.seconds
        self._opened: tuple[int, float, float] | None = None

    def run(self) -> None:
        """Make the operations of this turn, and go on in the next one."""
        for _ in range(_BATCH):
            self._timers[self._position] = self._change(self._timers[self._position], _DELAY)
            self._position = (self._position + _STRIDE) % _OUTSTANDING
        self._operations += _BATCH
        now = time.monotonic()
        if self._opened is None and now >= self._begin:
            self._opened = self._operations, now, time.process_time()
        if self._opened is not None and now >= self._end:
            _finish(self._operations, now, *self._opened)
        self._turn(self.run)


def _finish(operations: int, now: float, before: int, begun: float, cpu: float) -> NoReturn:
    found = {"operations": operations - before, "seconds": now - begun, "cpu": time.process_time() - cpu}
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)
