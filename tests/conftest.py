"""Doubles that every test may use: plugins that are installed in memory only, a reactor in memory, and real ones."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, cast

import hypothesis
import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IListeningPort, IProtocol, IReactorUDP
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.host.discovery import Catalogue, Found, Plugin, Registry
from tests.reactors import REACTORS, fresh_reactors


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--reactor", choices=REACTORS, help="what tests on real sockets run on, where they do not say themselves"
    )


# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


class Installed(Catalogue):
    """A catalogue of just these plugins and layers, whatever is installed here."""

    def __init__(self, *services: Plugin, shared: Sequence[Plugin] = (), layers: Sequence[Any] = ()) -> None:
        super().__init__()
        self.services = _registry(services)
        self.shared = _registry(shared)
        self.layers = _registry(layers)


def _registry(things: Sequence[Any]) -> Registry[Any]:
    found = [Found(one.name, "the test", partial(_itself, one)) for one in things]
    return Registry(found, lambda name, loaded: loaded)


def _itself(thing: Any) -> Any:
    return thing


@pytest.fixture(scope="session")
def installed() -> type[Installed]:
    """Makes catalogues."""
    return Installed


class Peer(StringTransport):
    """A connection in memory, as the transport of the server and in the hands of who connected.

    What the server closes or aborts is gone in the next turn of the reactor, as with sockets.
    """

    def __init__(self, reactor: MemoryReactorClock, host: IAddress, protocol: IProtocol) -> None:
        super().__init__(host, IPv4Address("TCP", "192.0.2.1", 50_000))
        self.reactor = reactor
        self.protocol = protocol
        self.lost: Failure | None = None

    def send(self, data: bytes) -> bytes:
        """Send, and return what the server answers at once."""
        self.clear()
        self.protocol.dataReceived(data)
        answer: bytes = self.value()
        return answer

    def end(self) -> None:
        """Close our side, as ``shutdown(SHUT_WR)`` does."""
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self._lose(ConnectionDone())

    def close(self) -> None:
        """Go away."""
        self._lose(ConnectionDone())

    @property
    def cut(self) -> bool:
        """Whether the server aborted."""
        return self.lost is not None and self.lost.check(ConnectionAborted) is not None

    def loseConnection(self) -> None:  # noqa: N802  Twisted's
        super().loseConnection()
        self.reactor.callLater(0, self._lose, ConnectionDone())

    def abortConnection(self) -> None:  # noqa: N802  Twisted's
        self.reactor.callLater(0, self._lose, ConnectionAborted())

    def _lose(self, reason: Exception) -> None:
        if self.lost is None:
            self.lost = Failure(reason)
            self.disconnected = True
            self.protocol.connectionLost(self.lost)


@implementer(IListeningPort)
class MemoryPort:
    """A port in memory: of streams, where peers connect, or of datagrams, where it is the protocol's transport."""

    def __init__(self, reactor: MemoryReactor, address: IAddress, served: Any, *, datagram: bool) -> None:
        self.reactor = reactor
        self.address = address
        self.served = served
        self.datagram = datagram
        self.open = True
        self.reading = True
        self.sent: list[tuple[bytes, object]] = []
        self._backlog: list[Callable[[], object]] = []

    def startListening(self) -> None:
        if self.datagram:
            self.served.makeConnection(self)
        else:
            self.served.doStart()

    def stopListening(self) -> Deferred[None]:
        """Stops in the next turn of the reactor, as with sockets."""
        self.reading = False
        done: Deferred[None] = Deferred()
        self.reactor.callLater(0, self._close, done)
        return done

    def _close(self, done: Deferred[None]) -> None:
        self.open = False
        self.served.doStop()
        done.callback(None)

    def getHost(self) -> IAddress:
        return self.address

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True
        while self._backlog:
            self._backlog.pop(0)()

    def connect(self) -> Peer:
        """Connect. The peer's ``protocol`` is what the factory built."""
        assert self.reading, "the port does not accept"
        protocol = self.served.buildProtocol(IPv4Address("TCP", "192.0.2.1", 50_000))
        assert protocol is not None, "the factory refuses"
        peer = Peer(self.reactor, self.address, protocol)
        protocol.makeConnection(peer)
        return peer

    def connect_later(self, connected: list[Peer]) -> None:
        """Connect, or wait in the backlog of a port that pauses; the peer is added to *connected*."""
        if self.reading:
            connected.append(self.connect())
        else:
            self._backlog.append(lambda: connected.append(self.connect()))

    def send(self, datagram: bytes) -> list[bytes]:
        """Send a datagram from outside, and return what comes back at once."""
        self.sent.clear()
        self.served.datagramReceived(datagram, ("192.0.2.1", 50_000))
        return [data for data, _ in self.sent]

    def write(self, datagram: bytes, addr: object = None) -> None:
        self.sent.append((datagram, addr))


@implementer(IReactorUDP)
class MemoryReactor(MemoryReactorClock):
    """Twisted's reactor in memory, with ports that can be connected to. It runs from the beginning.

    :ivar ports: every port that ever listened.
    :ivar taken: the numbers of ports that cannot be had.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running = True
        self.ports: list[MemoryPort] = []
        self.taken: set[int] = set()

    def port(self, number: int, *, datagram: bool = False) -> MemoryPort:
        """The open port of that number."""
        found = [one for one in self.ports if one.open and _number(one) == number and one.datagram == datagram]
        assert len(found) == 1, f"{len(found)} ports {number} are open"
        return found[0]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the open ports."""
        return [_number(one) for one in self.ports if one.open]

    def turn(self) -> None:
        """Let the reactor turn until nothing is due."""
        for _ in range(1000):
            if not any(call.getTime() <= self.seconds() for call in self.getDelayedCalls()):
                return
            self.advance(0)
        pytest.fail("this never comes to rest")

    def wait(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due then."""
        self.advance(seconds)
        self.turn()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> MemoryPort:  # noqa: N802
        kind = IPv6Address if ":" in interface else IPv4Address
        return self._listen(port, interface, kind("TCP", interface, self._chosen(port)), factory, datagram=False)

    def listenUDP(self, port: int, protocol: Any, interface: str = "", size: int = 8192) -> MemoryPort:  # noqa: N802
        return self._listen(port, interface, IPv4Address("UDP", interface, self._chosen(port)), protocol, datagram=True)

    def listenUNIX(self, address: str, factory: Any, *args: Any, **kwargs: Any) -> MemoryPort:  # noqa: N802
        return self._listen(0, address, UNIXAddress(address), factory, datagram=False)

    def _chosen(self, number: int) -> int:
        """A number for a port whose number is left to the system."""
        return number or 40_000 + len(self.ports)

    def _listen(self, number: int, interface: str, address: IAddress, served: Any, *, datagram: bool) -> MemoryPort:
        if number in self.taken:
            raise CannotListenError(interface, number, OSError(98, "Address already in use"))
        port = MemoryPort(self, address, served, datagram=datagram)
        port.startListening()
        self.ports.append(port)
        return port


def _number(port: MemoryPort) -> int:
    return getattr(port.address, "port", 0)


@pytest.fixture
def memory() -> MemoryReactor:
    """A reactor in memory, with a virtual clock."""
    return MemoryReactor()


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    """What is logged during the test."""
    logged: list[LogEvent] = []
    observer = cast(ILogObserver, logged.append)
    globalLogPublisher.addObserver(observer)
    yield logged
    globalLogPublisher.removeObserver(observer)


Scenario = Callable[[Any], Coroutine[Any, Any, Any]]


class Drive:
    """Runs a scenario, a coroutine function that takes the reactor, on a fresh reactor of Twisted's own.

    :param make: makes the reactor, which is never installed.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __call__(
        self, scenario: Scenario, timeout: float = 30, before: Callable[[Any], object] = lambda reactor: None
    ) -> Any:
        """Run it to its end and return its result, or raise what it raises; ``TimeoutError`` when it takes too long.

        :param before: called with the reactor before it runs.
        """
        reactor = self._make()
        before(reactor)
        results: list[Any] = []

        def begin() -> None:
            deferred = Deferred.fromCoroutine(scenario(reactor)).addTimeout(timeout, reactor)
            deferred.addBoth(results.append).addBoth(lambda _: reactor.stop())

        # Not callWhenRunning, which on the asyncio reactor calls before the loop runs.
        reactor.callLater(0, begin)
        reactor.run(installSignalHandlers=False)
        [result] = results
        if isinstance(result, Failure):
            result.raiseException()
        return result


@pytest.fixture(scope="session")
def reactor_name(request: pytest.FixtureRequest) -> str | None:
    """The reactor that was asked for by ``--reactor``, if any was."""
    name: str | None = request.config.getoption("--reactor")
    return name


@pytest.fixture
def drive(reactor_name: str | None) -> Iterator[Drive]:
    """Runs a scenario on Twisted's epoll reactor, or on that which was asked for."""
    with fresh_reactors(reactor_name or "epoll") as make:
        yield Drive(make)


@pytest.fixture
def drive_asyncio() -> Iterator[Drive]:
    """Runs a scenario on Twisted's asyncio reactor."""
    with fresh_reactors("asyncio") as make:
        yield Drive(make)


@pytest.fixture(params=REACTORS)
def drive_each(request: pytest.FixtureRequest) -> Iterator[Drive]:
    """Runs a scenario on one reactor after the other."""
    with fresh_reactors(request.param) as make:
        yield Drive(make)
