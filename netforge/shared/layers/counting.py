"""The counting layer: how much a listener carried, in the log when a connection ends and when the listener stops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IProtocolFactory, IUDPTransport
from twisted.internet.protocol import AbstractDatagramProtocol, DatagramProtocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import Address, Connection, Field, ILayer, LayerFactory, LayerProtocol, Listener, Place, Settings

__all__ = ["CountingKeys", "Counts", "counting"]


class CountingKeys(Settings):
    """Counting."""

    count: bool = Field(False, description="count connections and bytes, and log them")


@dataclass(slots=True)
class Counts:
    """What went through.

    :param connections: accepted so far.
    :param received: bytes from peers.
    :param sent: bytes to peers; of datagrams, the service's own answers are not seen.
    """

    connections: int = 0
    received: int = 0
    sent: int = 0


@implementer(ILayer)
class Counting:
    """See :class:`netforge.plugin.ILayer`."""

    name = "count"
    place = Place.CAPTURE
    keys = CountingKeys
    needs: Sequence[Any] = ()

    def active(self, keys: CountingKeys) -> bool:
        return keys.count

    def wrap_stream(self, factory: IProtocolFactory, keys: CountingKeys, listener: Listener) -> IProtocolFactory:
        return _CountingFactory(factory, _counts(listener), listener.address, listener.context.log)

    def wrap_datagram(
        self, receiver: AbstractDatagramProtocol, keys: CountingKeys, listener: Listener
    ) -> AbstractDatagramProtocol:
        return _CountingReceiver(receiver, _counts(listener), listener.address, listener.context.log)


counting = Counting()


def _counts(listener: Listener) -> Counts:
    """The listener's counts, which go on over reloads."""
    return listener.context.keep(listener.address, Counts)


class _CountingProtocol(LayerProtocol):
    factory: _CountingFactory

    def connectionMade(self) -> None:
        self._received = self._sent = 0
        self.factory.counts.connections += 1
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        self._received += len(data)
        self.wrappedProtocol.dataReceived(data)

    def write(self, data: bytes) -> None:
        self._sent += len(data)
        self.transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        factory, connection = self.factory, Connection.of(self.transport)
        factory.counts.received += self._received
        factory.counts.sent += self._sent
        factory.log.info(
            "connection {id} from {peer} on {listener} ended: {received} bytes received, {sent} sent",
            id=connection.id,
            peer=connection.peer,
            listener=str(factory.address),
            received=self._received,
            sent=self._sent,
        )
        super().connectionLost(reason)


class _CountingFactory(LayerFactory):
    protocol = _CountingProtocol

    def __init__(self, factory: IProtocolFactory, counts: Counts, address: Address, log: Logger) -> None:
        super().__init__(factory)
        self.counts = counts
        self.address = address
        self.log = log

    def stopFactory(self) -> None:
        _log_total(self.log, self.address, self.counts)


class _CountingReceiver(DatagramProtocol):
    noisy = False
    transport: IUDPTransport

    def __init__(self, receiver: AbstractDatagramProtocol, counts: Counts, address: Address, log: Logger) -> None:
        self._receiver = receiver
        self._counts = counts
        self._address = address
        self._log = log

    def startProtocol(self) -> None:
        self._receiver.makeConnection(self.transport)

    def stopProtocol(self) -> None:
        self._receiver.doStop()
        _log_total(self._log, self._address, self._counts)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self._counts.received += len(datagram)
        self._receiver.datagramReceived(datagram, addr)


def _log_total(log: Logger, address: Address, counts: Counts) -> None:
    log.info(
        "{listener} carried {connections} connections, {received} bytes received, {sent} sent",
        listener=str(address),
        connections=counts.connections,
        received=counts.received,
        sent=counts.sent,
    )
