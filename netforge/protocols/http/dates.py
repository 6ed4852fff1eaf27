"""The field Date, made once a second."""

from __future__ import annotations

from email.utils import formatdate

from twisted.internet.interfaces import IReactorTime

__all__ = ["DateField"]


class DateField:
    """Its value (RFC 9110, section 6.6.1).

    :param clock: where the time comes from; Unix time.
    """

    __slots__ = ("_now", "_second", "_value")

    def __init__(self, clock: IReactorTime) -> None:
        self._now = clock.seconds
        self._second = -1
        self._value = b""

    def now(self) -> bytes:
        """What to say now."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._value = formatdate(second, usegmt=True).encode("ascii")
        return self._value
