"""One request over one connection: no redirects, no repetitions."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.client import Agent, CookieAgent, ProxyAgent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from netforge.plugin import OutboundFailed, OutboundStage
from netforge.shared.outbound.asked import Ask
from netforge.shared.outbound.guard import Guard
from netforge.shared.outbound.pool import Places, Pool
from netforge.shared.outbound.proxies import Proxies, basic
from netforge.shared.outbound.reply import Incoming, Reply
from netforge.shared.outbound.route import Route, Surroundings
from netforge.shared.outbound.sending import Timed
from netforge.shared.outbound.watch import Watch
from netforge.shared.outbound.wording import told

__all__ = ["Wire"]


@dataclass(frozen=True)
class Wire:
    """The connections, and who may use them.

    :param pool: those for trusted URLs.
    :param untrusted: the others: a request must not get by a connection to where the guard would not let it go.
    """

    surroundings: Surroundings
    pool: Pool
    untrusted: Pool
    places: Places
    guard: Guard
    proxies: Proxies

    async def send(self, ask: Ask, watch: Watch, jar: CookieJar | None, *, decode: bool) -> Reply:
        """Make a request.

        A connection that was open already may have been closed by the server just now. A request that does no harm
        twice is then made by the next.

        :raises OutboundFailed: if there is no response.
        """
        while True:
            route = self._route(ask, watch)
            try:
                return await self._send(ask, route, jar, decode=decode)
            except OutboundFailed:
                stale = route.line is not None and route.line.reused and watch.late is None
                if not (stale and ask.repeatable):
                    raise

    def _route(self, ask: Ask, watch: Watch) -> Route:
        first: OutboundStage = "response" if ask.body is None else "send"
        if ask.untrusted:
            self.guard.check_port(ask.target)
            return Route(ask.target, None, self.guard, watch, self.surroundings, first)
        return Route(ask.target, self.proxies.choose(ask.target), None, watch, self.surroundings, first)

    async def _send(self, ask: Ask, route: Route, jar: CookieJar | None, *, decode: bool) -> Reply:
        watch, server = route.watch, (ask.untrusted, *ask.target.origin)
        watch.again()
        watch.enter("queue")
        await self.places.take(server, ask.target.url)
        placed = True  # until whoever reads the body gives the place back
        try:
            response = await self._respond(ask, route, jar)
            assert route.line is not None
            route.line.expect_body()
            placed = False
            incoming = Incoming(watch, ask.target.url, route.line.cut, lambda: self.places.give(server))
            response.deliverBody(incoming)
            return Reply(response, incoming, ask.target.url, watch, decode=decode)
        except Exception as error:
            raise told(error, ask.target, watch) from error
        finally:
            watch.rest()
            if placed:
                self.places.give(server)

    async def _respond(self, ask: Ask, route: Route, jar: CookieJar | None) -> IResponse:
        agent = self._agent(ask, route)
        if jar is not None:
            agent = CookieAgent(agent, jar)
        headers = Headers()
        fields = [*ask.headers]
        if ask.target.auth is not None:
            fields.append(("authorization", basic(*ask.target.auth)))
        if route.proxy and route.proxy.authorization and ask.target.scheme == "http":
            fields.append(("proxy-authorization", route.proxy.authorization))
        for name, value in fields:
            headers.addRawHeader(name.encode("latin-1"), value.encode("latin-1"))
        producer = Timed(ask.body.produce(), route.watch) if ask.body is not None else None
        asking: Deferred[Any] = agent.request(ask.method.encode(), ask.target.url.encode(), headers, producer)
        response: IResponse = await asking
        return response

    def _agent(self, ask: Ask, route: Route) -> Any:
        pool = self.untrusted if ask.untrusted else self.pool
        if route.proxy and ask.target.scheme == "http":
            return ProxyAgent(route, self.surroundings.reactor, pool)
        return Agent.usingEndpointFactory(self.surroundings.reactor, route, pool)

    async def close(self) -> None:
        """Cut every connection."""
        await self.pool.close()
        await self.untrusted.close()
