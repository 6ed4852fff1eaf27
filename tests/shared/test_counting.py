"""The counting layer, and what every layer on streams is made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IProtocolFactory, ITransport
from twisted.internet.protocol import DatagramProtocol, Protocol, ServerFactory, connectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, Logger
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, connect
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netforge.host.settings import draw, read_text
from netforge.plugin import Connection, Context, Datagram, ILayer, Internet, Listen, Listener, Stream
from netforge.shared.layers.counting import CountingKeys, Counts, counting

T = TypeVar("T")

ADDRESS = Internet("tcp", "127.0.0.1", 7)
SOURCE = ("192.0.2.1", 50_000)
PEER = IPv4Address("TCP", *SOURCE)


class Surroundings:
    """What the layer uses of a context."""

    def __init__(self) -> None:
        self.log = Logger(namespace="test.counting")
        self.kept: dict[Hashable, Any] = {}

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        kept: T = self.kept.setdefault(key, make())
        return kept

    @property
    def counts(self) -> Counts:
        [counts] = self.kept.values()
        assert isinstance(counts, Counts)
        return counts


class Answering(Protocol):
    """Sends back what it gets, in two ways."""

    transport: ITransport
    ended: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.writeSequence([b"<", data, b">"])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended = reason


class Telling(Protocol):
    """A client that remembers."""

    transport: ITransport
    received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data


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

    def __init__(self, kind: type[Protocol] | None) -> None:
        self.kind = kind
        self.told: list[str] = []
        self.built: list[Protocol] = []

    def startFactory(self) -> None:
        self.told.append("start")

    def stopFactory(self) -> None:
        self.told.append("stop")

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        if self.kind is None:
            return None
        self.built.append(self.kind())
        return self.built[-1]


@pytest.fixture
def surroundings() -> Surroundings:
    return Surroundings()


def wrap(factory: IProtocolFactory, surroundings: Surroundings) -> Any:
    listener = Listener(ADDRESS, Stream(Listen(ADDRESS), factory), cast(Context, surroundings), print)
    return counting.wrap_stream(factory, CountingKeys(count=True), listener)


def connected(factory: Any) -> tuple[Any, StringTransport]:
    protocol, transport = factory.buildProtocol(PEER), StringTransport(peerAddress=PEER)
    protocol.makeConnection(transport)
    return protocol, transport


def test_it_is_a_layer() -> None:
    assert verifyObject(ILayer, counting)


@pytest.mark.parametrize(("keys", "layers"), [("", 0), (", count = false", 0), (", count = true", 1)])
def test_it_is_there_only_where_it_is_on(keys: str, layers: int) -> None:
    text = f"[services.echo]\nlisten = [{{ address = 'tcp:127.0.0.1:7'{keys} }}]"
    [plan] = draw(read_text(text, Path())).plans
    assert [len(one.layers) for one in plan.listeners] == [layers]


def test_bytes_are_counted_both_ways_and_logged_with_the_connection(
    surroundings: Surroundings, events: list[LogEvent]
) -> None:
    protocol, transport = connected(wrap(Building(Answering), surroundings))
    Connection.of(transport).id = "17"
    protocol.dataReceived(b"abc")
    protocol.dataReceived(b"de")
    assert transport.value() == b"abc<abc>de<de>"
    protocol.connectionLost(Failure(connectionDone.value))
    assert surroundings.counts == Counts(connections=1, received=5, sent=14)
    [event] = [event for event in events if event["log_namespace"] == "test.counting"]
    assert (event["id"], event["peer"], event["listener"]) == ("17", PEER, "tcp:127.0.0.1:7")
    assert (event["received"], event["sent"]) == (5, 14)


def test_counts_go_on_over_reloads(surroundings: Surroundings) -> None:
    for number in range(1, 4):
        protocol, _ = connected(wrap(Building(Answering), surroundings))
        protocol.dataReceived(b"abc")
        protocol.connectionLost(connectionDone)
        assert surroundings.counts == Counts(number, 3 * number, 8 * number)


def test_the_total_is_logged_when_the_listener_stops(surroundings: Surroundings, events: list[LogEvent]) -> None:
    inner = Building(Answering)
    factory = wrap(inner, surroundings)
    factory.doStart()
    protocol, _ = connected(factory)
    protocol.dataReceived(b"abc")
    protocol.connectionLost(connectionDone)
    factory.doStop()
    assert inner.told == ["start", "stop"]
    event = events[-1]
    assert (event["connections"], event["received"], event["sent"]) == (1, 3, 8)


def test_the_protocol_is_told_how_its_connection_ended(surroundings: Surroundings) -> None:
    inner = Building(Answering)
    protocol, _ = connected(wrap(inner, surroundings))
    reason = Failure(connectionDone.value)
    protocol.connectionLost(reason)
    [built] = inner.built
    assert isinstance(built, Answering)
    assert built.ended is reason


def test_it_names_the_protocol_that_it_wraps(surroundings: Surroundings) -> None:
    inner = Building(Answering)
    protocol, transport = connected(wrap(inner, surroundings))
    assert protocol.wrappedProtocol is inner.built[0]
    assert Connection.of(inner.built[0].transport) is Connection.of(transport)


def test_a_refused_connection_stays_refused(surroundings: Surroundings) -> None:
    assert wrap(Building(None), surroundings).buildProtocol(PEER) is None
    assert surroundings.counts.connections == 0


def test_one_side_is_closed_only_where_the_protocol_behind_can(surroundings: Surroundings) -> None:
    half, transport = connected(wrap(Building(HalfClosing), surroundings))
    assert IHalfCloseableProtocol.providedBy(half)
    half.readConnectionLost()
    assert transport.value() == b"bye"
    half.writeConnectionLost()
    assert transport.disconnecting
    whole, _ = connected(wrap(Building(Answering), surroundings))
    assert not IHalfCloseableProtocol.providedBy(whole)


def test_a_conversation_over_pipes_is_counted_and_closed(surroundings: Surroundings) -> None:
    inner = Building(Answering)
    server = wrap(inner, surroundings).buildProtocol(PEER)
    client = Telling()
    transports = FakeTransport(server, isServer=True), FakeTransport(client, isServer=False)
    pump = connect(server, transports[0], client, transports[1])
    client.transport.write(b"abc")
    pump.flush()
    assert client.received == b"abc<abc>"
    client.transport.loseConnection()
    pump.flush()
    [built] = inner.built
    assert isinstance(built, Answering)
    assert built.ended is not None
    assert surroundings.counts == Counts(1, 3, 8)


class Receiver(DatagramProtocol):
    """Remembers, and answers."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def startProtocol(self) -> None:
        self.told.append("start")

    def stopProtocol(self) -> None:
        self.told.append("stop")

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.told.append((datagram, addr))
        assert self.transport is not None
        self.transport.write(datagram, addr)


def test_datagrams_are_counted_and_passed_on(surroundings: Surroundings, events: list[LogEvent]) -> None:
    receiver, transport = Receiver(), StringTransport()
    sent: list[tuple[bytes, object]] = []
    cast(Any, transport).write = lambda data, addr: sent.append((data, addr))
    address = Internet("udp", "127.0.0.1", 7)
    listener = Listener(address, Datagram(Listen(address), receiver), cast(Context, surroundings), print)
    wrapped = counting.wrap_datagram(receiver, CountingKeys(count=True), listener)
    wrapped.makeConnection(cast(Any, transport))
    wrapped.datagramReceived(b"abc", SOURCE)
    wrapped.datagramReceived(b"", SOURCE)
    wrapped.doStop()
    assert receiver.told == ["start", (b"abc", SOURCE), (b"", SOURCE), "stop"]
    assert sent == [(b"abc", SOURCE), (b"", SOURCE)]
    assert surroundings.counts.received == 3
    assert events[-1]["listener"] == "udp:127.0.0.1:7"
