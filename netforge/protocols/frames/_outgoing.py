"""Whether the transport has room, what was sent although it had none, and who waits for room."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Outgoing"]


@implementer(IPushProducer)
class Outgoing:
    """To be registered with the transport, which says here when its buffer is full (64 KiB in Twisted) and when empty.

    :param most: the most bytes that may be sent after it asked to wait; ``None`` for any number.
    :param changed: called after either has happened.
    :ivar full: whether the transport asked to wait.
    :ivar size: the bytes sent since it asked.
    """

    __slots__ = ("_changed", "_waiters", "full", "most", "size")

    def __init__(self, most: int | None, changed: Callable[[], object]) -> None:
        self.most = most
        self._changed = changed
        self._waiters: list[Deferred[None]] = []
        self.full = False
        self.size = 0

    def admits(self, size: int) -> bool:
        """Whether so many bytes more may be sent; then they count."""
        if self.full:
            self.size += size
        return self.most is None or self.size <= self.most

    def drained(self) -> Deferred[None]:
        """Fire when there is room. Can be cancelled."""
        if not self.full:
            return succeed(None)
        waiter: Deferred[None] = Deferred(self._waiters.remove)
        self._waiters.append(waiter)
        return waiter

    def fail(self, reason: Failure) -> None:
        """Nothing more is sent, and nobody needs to wait for room."""
        self.full = False
        while self._waiters:
            self._waiters.pop(0).errback(reason)

    def pauseProducing(self) -> None:
        self.full = True
        self._changed()

    def resumeProducing(self) -> None:
        self.full = False
        self.size = 0
        # Whoever wakes up may fill the buffer again.
        while self._waiters and not self.full:
            self._waiters.pop(0).callback(None)
        self._changed()

    def stopProducing(self) -> None:
        """The connection is lost, as the protocol is told too."""
