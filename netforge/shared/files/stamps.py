"""``Stamps``: times of change, of which no two are the same."""

from __future__ import annotations

from threading import Lock

from twisted.internet.interfaces import IReactorTime

__all__ = ["Stamps"]


class Stamps:
    """Gives times in nanoseconds. Any thread may ask.

    A kernel's own times stand still for milliseconds, in which a file could change twice and look the same.

    :param clock: what the time is.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._last = 0
        self._lock = Lock()

    def next(self) -> int:
        """The time, or just after the last one that was given."""
        with self._lock:
            self._last = max(round(self._clock.seconds() * 1e9), self._last + 1)
            return self._last
