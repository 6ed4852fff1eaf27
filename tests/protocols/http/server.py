"""A server of HTTP on the simulated network, in the hands of a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer

__all__ = ["Server"]


class Server:
    """A server on the simulated network, and whatever its application is made to do.

    :ivar exchanges: every one that was begun.
    :ivar protocols: every connection's.
    """

    def __init__(
        self, network: Network, application: Callable[[Exchange], object] | None = None, **options: Any
    ) -> None:
        self.network = network
        self.exchanges: list[Exchange] = []
        self.protocols: list[Any] = []
        self.application = application or (lambda exchange: None)
        reactor = network.machine("server").reactor
        protocols = self.protocols

        class Factory(HTTPFactory):
            def buildProtocol(self, addr: Any) -> Any:
                protocols.append(super().buildProtocol(addr))
                return protocols[-1]

        reactor.listenTCP(80, Factory(self._begin, reactor, **options))
        self._client = network.machine("client")

    def _begin(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.application(exchange)

    def connect(self) -> Peer:
        return Peer(self._client, HostnameEndpoint(self._client.reactor, "server", 80))
