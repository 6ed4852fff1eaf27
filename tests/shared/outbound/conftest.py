"""A client on the simulated network, and servers of HTTP that it talks to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any

import pytest
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

from netforge.plugin import OutboundTimeouts
from netforge.protocols.http import Exchange, HTTPFactory
from netforge.shared.outbound.client import Outbound, Rules
from netforge.testing import Machine, Network

__all__ = ["World"]

Answer = Callable[[Exchange], Any]


def hello(exchange: Exchange) -> None:
    """An application."""
    exchange.respond(200, [(b"content-type", b"text/plain")], b"hello")


def no_tls(host: str) -> IOpenSSLClientConnectionCreator:
    """What a client has that speaks no TLS."""
    raise AssertionError(f"TLS was not expected with {host}")


class World:
    """A network with a client and servers.

    :ivar seen: method, target and fields of every request, and what machine it was on.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.machine: Machine = network.machine("client")
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.connections: list[Any] = []
        self._clients: list[Outbound] = []

    def serve(
        self, application: Answer = hello, name: str = "server", port: int = 80, address: str = "", **options: Any
    ) -> Any:
        """Serve an application."""
        machine = self.network.machine(name)
        if address:
            machine.address = address
            self.network.names.add(name, address)
        world = self

        def begin(exchange: Exchange) -> Any:
            fields = {name.decode(): value.decode() for name, value in exchange.request.headers}
            world.seen.append((exchange.request.method, exchange.request.target, fields))
            return application(exchange)

        class Factory(HTTPFactory):
            def buildProtocol(self, addr: Any) -> Any:
                world.connections.append(super().buildProtocol(addr))
                return world.connections[-1]

        return machine.reactor.listenTCP(port, Factory(begin, machine.reactor, **options))

    def client(self, tls: Any = no_tls, **rules: Any) -> Outbound:
        """A client by some rules."""
        made = Outbound(self.machine.reactor, tls, Random(1), Rules(**rules))
        self._clients.append(made)
        return made

    def run(self, work: Coroutine[Any, Any, Any], timeout: float = 1000) -> Any:
        """Let time pass until something is done."""
        return self.network.run_until(work, timeout)

    def get(self, url: str = "http://server/", client: Outbound | None = None, **options: Any) -> tuple[int, bytes]:
        """Status and body of a response."""
        return self.request("GET", url, client, **options)

    def request(
        self, method: str, url: str = "http://server/", client: Outbound | None = None, **options: Any
    ) -> tuple[int, bytes]:
        """Likewise, for any method."""
        used = client or self.client(retries=0)

        async def request() -> tuple[int, bytes]:
            reply = await used.request(method, url, **options)
            return reply.status, await reply.body(1 << 20)

        status, body = self.run(request())
        return status, body

    def close(self) -> None:
        """Close every client."""
        for client in self._clients:
            self.run(client.close())


@pytest.fixture
def world(network: Network) -> Iterator[World]:
    """Clients and servers on a network."""
    made = World(network)
    yield made
    made.close()


@pytest.fixture
def quick() -> OutboundTimeouts:
    """Stages that take one second at most, each a different part of one."""
    return OutboundTimeouts(queue=0.1, name=0.2, connect=0.3, proxy=0.4, tls=0.5, send=0.6, response=0.7, body=0.8)
