"""The client that everything shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.task import deferLater
from twisted.web.iweb import IAgent
from zope.interface import implementer

from netforge.plugin import IMetrics, IOutbound, IReactor, OutboundFailed, OutboundRefused, OutboundTimeouts
from netforge.shared.outbound.agent import OutboundAgent
from netforge.shared.outbound.asked import Ask, make_ask
from netforge.shared.outbound.cookies import jar
from netforge.shared.outbound.decoding import accepted
from netforge.shared.outbound.guard import Guard
from netforge.shared.outbound.pool import Places, Pool
from netforge.shared.outbound.proxies import Proxies
from netforge.shared.outbound.redirects import redirected
from netforge.shared.outbound.reply import Reply
from netforge.shared.outbound.retries import LONGEST_WAIT, PASSING, retry_after, wait_before
from netforge.shared.outbound.route import ClientTLS, Surroundings
from netforge.shared.outbound.sending import make_body
from netforge.shared.outbound.tally import Tally
from netforge.shared.outbound.watch import Watch
from netforge.shared.outbound.wire import Wire

__all__ = ["Outbound", "Rules"]


@dataclass(frozen=True)
class Rules:
    """What a client may do.

    :param timeouts: how long each stage may take, if a request does not say.
    :param connections: how many to one server at once.
    :param queue: how many requests may wait for one of those.
    :param idle: seconds that a connection without a request is kept.
    :param redirects: how many are followed.
    :param retries: how often a request is repeated.
    :param proxies: which requests go through a proxy.
    :param guard: where those go whose URL is not trusted.
    :param agent: what it calls itself.
    """

    timeouts: OutboundTimeouts = field(default_factory=OutboundTimeouts)
    connections: int = 10
    queue: int = 100
    idle: float = 60.0
    redirects: int = 10
    retries: int = 2
    proxies: Proxies = field(default_factory=Proxies)
    guard: Guard = field(default_factory=Guard)
    agent: str = "netforge"


@implementer(IOutbound)
class Outbound:
    """See :class:`netforge.plugin.IOutbound`.

    :param reactor: carries the connections and says the time.
    :param tls: gives the client's side of TLS with a server of a name.
    :param random: spreads repetitions, and delimits forms.
    :param resolver: looks names up, rather than the reactor's.
    :param metrics: counts.
    """

    def __init__(
        self,
        reactor: IReactor,
        tls: ClientTLS,
        random: Random,
        rules: Rules | None = None,
        *,
        resolver: IHostnameResolver | None = None,
        metrics: IMetrics | None = None,
    ) -> None:
        self.rules = rules = rules or Rules()
        self.tls = tls
        self._reactor = reactor
        self._random = random
        self._jar: CookieJar | None = None
        pool, untrusted = (Pool(reactor, rules.connections, rules.idle) for _ in range(2))
        places = Places(rules.connections, rules.queue)
        around = Surroundings(reactor, resolver or reactor.nameResolver, tls)
        self._wire = Wire(around, pool, untrusted, places, rules.guard, rules.proxies)
        self._tally = Tally(reactor, metrics, places)

    def session(self) -> Outbound:
        """See :meth:`netforge.plugin.IOutbound.session`."""
        other = Outbound.__new__(Outbound)
        other.__dict__.update(self.__dict__, _jar=jar())
        return other

    def agent(self, *, untrusted: bool = False) -> IAgent:
        """See :meth:`netforge.plugin.IOutbound.agent`."""
        return OutboundAgent(self, untrusted=untrusted)

    async def close(self) -> None:
        """Cut every connection. Requests that are under way fail."""
        await self._wire.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | Callable[[], Awaitable[bytes]] = b"",
        length: int | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        json: Any = None,
        auth: tuple[str, str] | None = None,
        timeouts: OutboundTimeouts | None = None,
        redirects: int | None = None,
        retries: int | None = None,
        decode: bool = True,
        untrusted: bool = False,
    ) -> Deferred[Any]:
        """See :meth:`netforge.plugin.IOutbound.request`."""

        async def request() -> Reply:
            made = make_body(body, length, form, files, json, self._random, self._reactor)
            ask = make_ask(method, url, headers, made, auth, untrusted=untrusted)
            return await self.perform(ask, timeouts, redirects, retries, decode=decode)

        return Deferred.fromCoroutine(request())

    async def perform(
        self,
        ask: Ask,
        timeouts: OutboundTimeouts | None = None,
        redirects: int | None = None,
        retries: int | None = None,
        *,
        decode: bool,
    ) -> Reply:
        """Make a request; see :meth:`netforge.plugin.IOutbound.request`."""
        plan = _Plan(
            timeouts or self.rules.timeouts,
            self.rules.redirects if redirects is None else redirects,
            self.rules.retries if retries is None else retries,
            # Who says what may come wants to see it.
            decode=decode and not ask.has("accept-encoding"),
        )
        defaults = {"user-agent": self.rules.agent, **({"accept-encoding": accepted()} if plan.decode else {})}
        headers = ask.headers + tuple((name, value) for name, value in defaults.items() if not ask.has(name))
        return await self._tally.count(self._timed(replace(ask, headers=headers), plan))

    async def _timed(self, ask: Ask, plan: _Plan) -> Reply:
        watch = Watch(self._reactor, plan.timeouts, ask.target.url, lambda: doing.cancel())  # noqa: PLW0108  made next
        doing = Deferred.fromCoroutine(self._follow(ask, plan, watch))
        try:
            return await doing
        except Exception:
            watch.end()
            if watch.late is not None:
                raise watch.late from None
            raise

    async def _follow(self, ask: Ask, plan: _Plan, watch: Watch) -> Reply:
        """Go where the redirects lead."""
        left = plan.redirects
        while True:
            reply = await self._persist(ask, plan, watch)
            following = redirected(ask, reply.status, reply.header("location")) if left > 0 else None
            if following is None:
                return reply
            await reply.drop()
            ask, left = following, left - 1

    async def _persist(self, ask: Ask, plan: _Plan, watch: Watch) -> Reply:
        """Repeat a request as often as is safe and may help."""
        number = 0
        while True:
            wait = 0.0
            try:
                reply = await self._wire.send(ask, watch, self._jar, decode=plan.decode)
            except OutboundFailed as error:
                if number >= plan.retries or watch.late is not None or not _may_repeat(ask, error):
                    raise
            else:
                wait = retry_after(reply.header("retry-after"), self._reactor.seconds())
                passing = reply.status in PASSING and ask.repeatable and wait <= LONGEST_WAIT
                if number >= plan.retries or not passing:
                    return reply
                await reply.drop()
            watch.again()
            await deferLater(self._reactor, max(wait, wait_before(number, self._random)))
            number += 1


@dataclass(frozen=True, slots=True)
class _Plan:
    timeouts: OutboundTimeouts
    redirects: int
    retries: int
    decode: bool


def _may_repeat(ask: Ask, error: OutboundFailed) -> bool:
    """Whether it is safe and may help: what never reached the server is safe, whatever it asks for."""
    if isinstance(error, OutboundRefused) or error.stage == "tls":
        return False
    return ask.repeatable or error.stage in ("queue", "name", "connect", "proxy")
