"""What every layer on streams is made of."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ITransport
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import Connection, LayerFactory, LayerProtocol

PEER = IPv4Address("TCP", "192.0.2.1", 50_000)


class Answering(Protocol):
    """Sends back what it gets, in two ways."""

    transport: ITransport
    ended: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.writeSequence([b"<", data, b">"])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended = reason


@implementer(IHalfCloseableProtocol)
class HalfClosing(Answering):
    """Says when one side is closed."""

    def readConnectionLost(self) -> None:
        self.transport.write(b"bye")

    def writeConnectionLost(self) -> None:
        self.transport.loseConnection()


class Building(ServerFactory):
    """Builds one kind of protocol, and remembers what it was told."""

    noisy = False

    def __init__(self, kind: type[Answering] | None = Answering) -> None:
        self.kind = kind
        self.told: list[str] = []
        self.built: list[Answering] = []

    def startFactory(self) -> None:
        self.told.append("start")

    def stopFactory(self) -> None:
        self.told.append("stop")

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        if self.kind is None:
            return None
        self.built.append(self.kind())
        return self.built[-1]


class Layer(LayerFactory):
    """The least of layers."""

    protocol = LayerProtocol


def connected(inner: Building) -> tuple[Any, StringTransport]:
    protocol: Any = Layer(inner).buildProtocol(PEER)
    transport = StringTransport(peerAddress=PEER)
    protocol.makeConnection(transport)
    return protocol, transport


def test_what_goes_through_is_passed_on() -> None:
    protocol, transport = connected(Building())
    protocol.dataReceived(b"abc")
    assert transport.value() == b"abc<abc>"


def test_the_factory_behind_is_started_and_stopped() -> None:
    inner = Building()
    layer = Layer(inner)
    layer.doStart()
    layer.doStop()
    assert inner.told == ["start", "stop"]


def test_the_protocol_is_told_how_its_connection_ended() -> None:
    inner = Building()
    protocol, _ = connected(inner)
    reason = Failure(connectionDone.value)
    protocol.connectionLost(reason)
    assert [built.ended for built in inner.built] == [reason]


def test_it_names_the_protocol_that_it_wraps() -> None:
    inner = Building()
    protocol, transport = connected(inner)
    assert [protocol.wrappedProtocol] == inner.built
    assert Connection.of(inner.built[0].transport) is Connection.of(transport)


def test_a_refused_connection_stays_refused() -> None:
    assert Layer(Building(None)).buildProtocol(PEER) is None


@pytest.mark.parametrize("kind", [Answering, HalfClosing])
def test_one_side_is_closed_only_where_the_protocol_behind_can(kind: type[Answering]) -> None:
    protocol, transport = connected(Building(kind))
    assert IHalfCloseableProtocol.providedBy(protocol) == (kind is HalfClosing)
    if kind is HalfClosing:
        protocol.readConnectionLost()
        assert transport.value() == b"bye"
        protocol.writeConnectionLost()
        assert transport.disconnecting
