"""The numbers of a site: its requests, how long they took, and how many are under way."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from netforge.plugin import Counter, Histogram, IMetrics
from netforge.protocols.http import Application, Exchange
from netforge.services.web.around.layer import Layer, Premises

__all__ = ["Measures"]

#: Methods that are counted by their names. A client may make up others.
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})

#: The most routes of a site. What an application calls a route may be as many as its pages.
MOST_ROUTES = 500
OTHER = "other"

#: What requests are told apart by: route, method, and the first digit of the status; 0 if the client went before there
#: was any.
Outcome = tuple[str, str, int]


class UnderWay:
    """How many requests are under way, also in instances before a reload."""

    def __init__(self) -> None:
        self.number = 0

    def read(self) -> int:
        """The number."""
        return self.number


class Measures:
    """Counts the requests of a site."""

    def __init__(self, premises: Premises) -> None:
        context, metrics = premises.context, premises.context[IMetrics]
        self._now = context.clock.seconds
        self._names = context.name, premises.site
        self._requests = metrics.counter(
            "netforge_http_requests_total",
            "Requests that were answered",
            ["service", "site", "route", "method", "status"],
        )
        self._durations = metrics.histogram(
            "netforge_http_request_duration_seconds",
            "How long requests took, to the end of the response",
            ["service", "site", "route"],
        )
        self._under_way = context.keep(("under way", premises.site), UnderWay)
        under_way = metrics.gauge("netforge_http_open_requests", "Requests that are under way", ["service", "site"])
        under_way.labels(*self._names).set_function(self._under_way.read)
        # What labels() returns is worth keeping.
        self._known: dict[Outcome, tuple[Counter, Histogram]] = {}
        self._routes: set[str] = set()

    @classmethod
    def of(cls, on: bool, premises: Premises) -> Layer | None:
        """The layer, where it is on."""
        return cls(premises).around if on else None

    def around(self, application: Application) -> Application:
        """Count what an application answers."""

        def measured(exchange: Exchange) -> Awaitable[object] | None:
            self._under_way.number += 1
            exchange.when_done(partial(self._count, self._now()))
            return application(exchange)

        return measured

    def _count(self, began: float, exchange: Exchange) -> None:
        self._under_way.number -= 1
        method = exchange.request.method
        outcome = (
            exchange.route or f"{exchange.mount}/*",
            method if method in METHODS else OTHER,
            exchange.status // 100,
        )
        known = self._known.get(outcome)
        if known is None:
            known = self._meet(*outcome)
        requests, durations = known
        requests.inc()
        durations.observe(max(0.0, self._now() - began))

    def _meet(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        """What counts requests of a kind that there was none of before, and how long they take."""
        if route not in self._routes:
            if len(self._routes) >= MOST_ROUTES:
                route = OTHER
            self._routes.add(route)
        said = f"{status}xx" if status else "none"
        labels = *self._names, route
        known = self._requests.labels(*labels, method, said), self._durations.labels(*labels)
        self._known[route, method, status] = known
        return known
