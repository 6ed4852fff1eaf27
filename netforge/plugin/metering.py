"""Metering: one wrapper before a protocol, for every layer that wants to know what passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from netforge.plugin.wrapping import LayerFactory, LayerProtocol
from netforge.protocols.sendfile import send_file

__all__ = ["Meter", "MeterFactory", "Watcher", "metered"]


class Watcher(Protocol):
    """What a layer hears of the connections that pass it."""

    def connected(self, meter: Meter) -> None:
        """A connection begins; the protocol behind has not seen it yet."""

    def lost(self, meter: Meter, reason: Failure) -> None:
        """It ended; the protocol behind has been told."""


class Meter(LayerProtocol):
    """Counts what passes.

    :ivar received: bytes from the peer so far.
    :ivar sent: bytes to the peer so far, whether or not they have left yet.
    """

    factory: MeterFactory

    def connectionMade(self) -> None:
        """Count from here."""
        self.received = self.sent = 0
        for watcher in self.factory.watchers:
            watcher.connected(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """Count what came, and pass it on."""
        self.received += len(data)
        self.wrappedProtocol.dataReceived(data)

    def write(self, data: bytes) -> None:
        """Count what goes, and pass it on."""
        self.sent += len(data)
        self.transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """See :meth:`write`."""
        self.write(b"".join(data))

    def send_file(self, descriptor: int, start: int, size: int) -> Deferred[int] | None:
        """See :func:`netforge.protocols.sendfile.send_file`."""
        sending = send_file(self.transport, descriptor, start, size)
        return None if sending is None else sending.addCallback(self._count_file)

    def _count_file(self, sent: int) -> int:
        self.sent += sent
        return sent

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the protocol, then the watchers."""
        super().connectionLost(reason)
        for watcher in self.factory.watchers:
            watcher.lost(self, reason)


class MeterFactory(LayerFactory):
    """Puts a :class:`Meter` before each protocol of another factory.

    :ivar watchers: who hears of its connections, in this order.
    """

    protocol = Meter

    def __init__(self, factory: IProtocolFactory) -> None:
        super().__init__(factory)
        self.watchers: list[Watcher] = []


def metered(factory: IProtocolFactory, watcher: Watcher) -> MeterFactory:
    """Let a layer watch the connections of a factory, by the meter that stands before it already if there is one."""
    if not isinstance(factory, MeterFactory):
        factory = MeterFactory(factory)
    factory.watchers.append(watcher)
    return factory
