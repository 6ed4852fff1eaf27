"""A deadline that costs one clock reading per progress, however often it is put off."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Deadline"]


class Deadline:
    """Call *expired* once, *seconds* after the last progress.

    Progress only notes the time; the timer looks at the note when it rings and sleeps on for what is left. So a busy
    connection pays for reading the clock, never for moving a timer.

    :param clock: where the time comes from.
    :param seconds: how long to wait without progress; ``None`` never expires.
    :param expired: called without arguments when the time is up.
    """

    __slots__ = ("_call", "_clock", "_expired", "_last", "_now", "_seconds")

    def __init__(self, clock: IReactorTime, seconds: float | None, expired: Callable[[], object]) -> None:
        self._clock = clock
        self._now = clock.seconds
        self._seconds = seconds
        self._expired = expired
        self._call: IDelayedCall | None = None
        self._last = 0.0

    def start(self) -> None:
        """Begin to wait, afresh if it was waiting already."""
        self.stop()
        if self._seconds is not None:
            self._last = self._now()
            self._call = self._clock.callLater(self._seconds, self._ring)

    def progress(self) -> None:
        """Put the deadline off: the full time runs from now."""
        self._last = self._now()

    def stop(self) -> None:
        """Wait no longer. Harmless when nothing waits."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _ring(self) -> None:
        self._call = None
        assert self._seconds is not None
        left = self._last + self._seconds - self._now()
        if left > 0:
            self._call = self._clock.callLater(left, self._ring)
        else:
            self._expired()
