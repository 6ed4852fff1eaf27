"""A proxy on the simulated network, with its upstreams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from netforge.plugin import Context
from netforge.protocols.http import Exchange, HTTPFactory
from netforge.services.web.proxy import ProxySettings, host_proxy
from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer

__all__ = ["HOST", "Proxied", "Scripted", "get", "response"]

HOST = b"Host: example.org\r\n"


def get(target: bytes = b"/", fields: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n"


def response(peer: Peer) -> tuple[int, bytes]:
    """The next response with a Content-Length: its status and body."""
    head = peer.receive_until(b"\r\n\r\n")
    [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(head.split(b" ")[1]), peer.receive(int(length.partition(b":")[2]))


class Scripted(Protocol):
    """A connection of an upstream that says what the test has it say."""

    transport: Any

    def __init__(self) -> None:
        self.got = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True


class Surroundings:
    """What a proxy uses of a context."""

    def __init__(self, network: Network) -> None:
        self.reactor = self.clock = network.machine("proxy").reactor
        self.random = network.random_for("proxy")


class Upstream:
    """A machine that a proxy passes requests to: with an application, or in the hands of the test.

    :ivar exchanges: what came to its application.
    :ivar connections: those to it, where there is none.
    """

    def __init__(self, network: Network, name: str, application: Callable[[Exchange], Any] | None) -> None:
        self.name = name
        self.exchanges: list[Exchange] = []
        self.connections: list[Scripted] = []
        self._network = network
        self._application = application
        reactor = network.machine(name).reactor
        factory = Factory.forProtocol(self._scripted) if application is None else HTTPFactory(self._begin, reactor)
        self._port: Any = None
        self._factory = factory
        self.listen()

    def listen(self) -> None:
        self._port = self._network.machine(self.name).reactor.listenTCP(8000, self._factory)

    def stop_listening(self) -> None:
        self._network.run_until(self._port.stopListening())

    def say(self, data: bytes, connection: int = -1) -> None:
        self._do(self.connections[connection].transport.write, data)

    def hang_up(self, connection: int = -1) -> None:
        self._do(self.connections[connection].transport.loseConnection)

    def _do(self, call: Callable[..., object], *arguments: object) -> None:
        async def calling() -> None:
            call(*arguments)

        self._network.run_until(calling())
        self._network.run(0.1)

    def _begin(self, exchange: Exchange) -> Any:
        assert self._application is not None
        self.exchanges.append(exchange)
        return self._application(exchange)

    def _scripted(self) -> Scripted:
        self.connections.append(Scripted())
        return self.connections[-1]


class Proxied:
    """A proxy with some upstreams, called ``one``, ``two`` and ``three``.

    :param applications: of the upstreams; ``None`` for one in the hands of the test.
    :param mount: where the proxy is mounted.
    """

    def __init__(
        self,
        network: Network,
        applications: Sequence[Callable[[Exchange], Any] | None],
        mount: str = "",
        **settings: Any,
    ) -> None:
        self.network = network
        names = ("one", "two", "three")[: len(applications)]
        self.upstreams = [Upstream(network, *pair) for pair in zip(names, applications, strict=True)]
        to = settings.pop("to", [f"http://{name}:8000" for name in names])
        reactor = network.machine("proxy").reactor
        self.hosted = host_proxy(ProxySettings(to=to, **settings), cast(Context, Surroundings(network)))
        for task in self.hosted.tasks:
            reactor.callWhenRunning(task.start)

        def application(exchange: Exchange) -> Any:
            exchange.mount = mount
            return self.hosted.application(exchange)

        reactor.listenTCP(80, HTTPFactory(application, reactor))
        self._client = network.machine("client")

    @property
    def one(self) -> Upstream:
        return self.upstreams[0]

    def connect(self) -> Peer:
        return Peer(self._client, HostnameEndpoint(self._client.reactor, "proxy", 80))

    def ask(self, data: bytes) -> Peer:
        """A new connection on which something is asked, a moment later."""
        peer = self.connect()
        peer.send(data)
        self.network.run(0.1)
        return peer

    def stop(self) -> None:
        for task in self.hosted.tasks:
            task.stop()


@pytest.fixture
def proxied(network: Network) -> Callable[..., Proxied]:
    """Makes a proxy with the applications of its upstreams, and with settings."""

    def make(*applications: Callable[[Exchange], Any] | None, **settings: Any) -> Proxied:
        return Proxied(network, applications, **settings)

    return make
