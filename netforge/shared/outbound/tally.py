"""Metrics of the client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime

from netforge.plugin import IMetrics, OutboundBusy, OutboundFailed, OutboundRefused, OutboundTimeout
from netforge.shared.outbound.pool import Places

if TYPE_CHECKING:
    from netforge.shared.outbound.reply import Reply

__all__ = ["Tally"]

#: What became of a request that has no status.
OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (OutboundTimeout, "timeout"),
    (OutboundBusy, "busy"),
    (OutboundRefused, "refused"),
    (OutboundFailed, "failed"),
    (CancelledError, "cancelled"),
)


class Tally:
    """Counts requests by what became of them, and how long that took. Never by host: hosts are without end."""

    def __init__(self, clock: IReactorTime, metrics: IMetrics | None, places: Places) -> None:
        self._clock = clock
        self._requests = self._seconds = None
        if metrics is None:
            return
        self._requests = metrics.counter(
            "netforge_outbound_requests_total",
            "Requests to servers elsewhere, by the class of the status (2xx) or what else became of them",
            ["outcome"],
        )
        self._seconds = metrics.histogram(
            "netforge_outbound_response_seconds",
            "Seconds until the head of a response was there, with redirects and repetitions",
        )
        under_way = metrics.gauge("netforge_outbound_unfinished", "Requests under way or waiting", ["state"])
        under_way.labels("under way").set_function(lambda: places.taken)
        under_way.labels("waiting").set_function(lambda: places.waiting)

    async def count(self, request: Awaitable[Reply]) -> Reply:
        """Wait for a response, and count it."""
        if self._requests is None or self._seconds is None:
            return await request
        begin, outcome = self._clock.seconds(), "error"
        try:
            reply = await request
            outcome = f"{reply.status // 100}xx"
        except Exception as error:
            outcome = next((name for kind, name in OUTCOMES if isinstance(error, kind)), outcome)
            raise
        finally:
            self._requests.labels(outcome).inc()
        self._seconds.observe(self._clock.seconds() - begin)
        return reply
