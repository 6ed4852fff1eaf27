"""The way to a server: its name, a connection, a proxy's tunnel, TLS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import (
    IHostnameResolver,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from netforge.plugin import IReactor, OutboundStage
from netforge.shared.outbound.guard import Guard
from netforge.shared.outbound.line import Line, LineFactory
from netforge.shared.outbound.names import Found, look_up
from netforge.shared.outbound.proxies import Proxy
from netforge.shared.outbound.tunnel import TunnelEndpoint
from netforge.shared.outbound.urls import Target
from netforge.shared.outbound.watch import Watch

__all__ = ["ClientTLS", "Route", "Surroundings"]

#: Gives the client's side of TLS with a server of a name.
ClientTLS = Callable[[str], IOpenSSLClientConnectionCreator]

#: Seconds that one attempt to connect may last at most; the time for all of them is the caller's.
ATTEMPT = 3600


@dataclass(frozen=True)
class Surroundings:
    """What every route needs.

    :param resolver: looks names up.
    :param tls: whom TLS believes.
    """

    reactor: IReactor
    resolver: IHostnameResolver
    tls: ClientTLS


@implementer(IStreamClientEndpoint, IAgentEndpointFactory)
@dataclass(eq=False, repr=False)
class Route:
    """How one request gets to its server. Where a connection is there already, none of it happens.

    Two routes are equal if their requests may use the same connection of a proxy's.

    :param first: the stage after the connection: a request without a body is sent at once.
    :param guard: looks at the addresses; ``None`` for a URL that is trusted.
    :ivar line: the connection, once there is one.
    """

    target: Target
    proxy: Proxy | None
    guard: Guard | None
    watch: Watch
    surroundings: Surroundings
    first: OutboundStage
    line: Line | None = field(default=None, init=False)
    made: Line | None = field(default=None, init=False)

    def __repr__(self) -> str:
        return f"<Route to {self.target.authority}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Route) and other.proxy == self.proxy

    def __hash__(self) -> int:
        return hash(self.proxy)

    def endpointForURI(self, uri: object) -> Route:
        """See ``IAgentEndpointFactory``."""
        return self

    def use(self, line: Line) -> None:
        """The connection is there."""
        self.line = line
        line.expect_head()
        self.watch.enter(self.first)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See ``IStreamClientEndpoint``."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        target, watch, around = self.target, self.watch, self.surroundings
        secure = target.scheme == "https"
        creator = around.tls(target.host) if secure else None
        host, port = (self.proxy.host, self.proxy.port) if self.proxy else (target.host, target.port)
        watch.enter("name")
        found = await look_up(around.resolver, host, port)
        if self.guard is not None:
            self.guard.check_addresses(target, [one.host for one in found])
        watch.enter("connect")
        endpoint: IStreamClientEndpoint = HostnameEndpoint(
            Found(around.reactor, found), found[0].host, port, timeout=ATTEMPT
        )
        if self.proxy and secure:
            authority = target.authority if target.port != 443 else f"{target.authority}:443"
            endpoint = TunnelEndpoint(endpoint, authority, self.proxy.authorization, lambda: watch.enter("proxy"))
        lines = LineFactory(factory, lambda: watch.enter("tls") if secure else None, secure=secure)
        if creator is None:
            line: Any = await endpoint.connect(lines)
        else:
            # wrapClientTLS would have the global reactor for its clock.
            wrapper: Any = await endpoint.connect(TLSMemoryBIOFactory(creator, True, lines, around.reactor))
            line = wrapper.wrappedProtocol
        self.made = line
        connection: IProtocol = await line.ready
        return connection
