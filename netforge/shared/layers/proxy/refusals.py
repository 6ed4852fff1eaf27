"""Who was refused, as a metric and in the log."""

from __future__ import annotations

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger

from netforge.plugin import IMetrics
from netforge.shared.logs.fields import address_text

__all__ = ["Refusals"]

#: Seconds until the same kind of refusal is told again.
AGAIN = 60.0


class Refusals:
    """Tells of the refusals of one listener: all of them as a metric, and in the log one event a reason and minute.

    :param metrics: where they are counted.
    :param clock: where the time comes from.
    :param log: where they are told.
    :param service: the service's name.
    :param listener: its address.
    """

    def __init__(self, metrics: IMetrics, clock: IReactorTime, log: Logger, service: str, listener: str) -> None:
        self._metric = metrics.counter(
            "netforge_proxy_refused_total",
            "Connections that had no right to, or no good header of, the PROXY protocol",
            ("service", "listener", "reason"),
        )
        self._clock = clock
        self._log = log
        self._where = (service, listener)
        self._untold: dict[str, int] = {}
        self._told: dict[str, float] = {}

    def refused(self, reason: str, peer: IAddress, why: str) -> None:
        """Somebody was refused.

        :param reason: ``untrusted``, ``header`` or ``late``.
        :param peer: who.
        :param why: what was wrong.
        """
        self._metric.labels(*self._where, reason).inc()
        times = self._untold[reason] = self._untold.get(reason, 0) + 1
        now = self._clock.seconds()
        if now - self._told.get(reason, now - AGAIN) < AGAIN:
            return
        self._told[reason], self._untold[reason] = now, 0
        self._log.warn(
            "refused on {listener}, the last was {peer}: {why}; connections={times}",
            event="refused",
            times=times,
            listener=self._where[1],
            peer=address_text(peer),
            reason=reason,
            why=why,
        )
