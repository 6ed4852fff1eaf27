"""What is refused and cut, as metrics and in the log."""

from __future__ import annotations

from twisted.logger import Logger

from netforge.plugin import Counter, Gauge, IMetrics
from netforge.shared.layers.limits.tallies import Refusal

__all__ = ["Refusals"]

LABELS = ("service", "listener")
#: What a network has too many of, for people.
WORDS = {"connections": "too many at once", "rate": "too many a minute"}
#: Why connections are cut, for people.
CUT = {"greeting": "the client sent nothing", "idle": "there was no progress"}


class Refusals:
    """Tells of one listener's refusals: all of them as metrics; in the log one event a network and minute.

    :param metrics: where they are counted.
    :param log: where they are told.
    :param service: the service's name.
    :param listener: its address.
    :param noun: what is refused: ``connections`` or ``datagrams``.
    """

    def __init__(self, metrics: IMetrics, log: Logger, service: str, listener: str, noun: str) -> None:
        self._log = log
        self._listener = listener
        self._noun = noun
        self._where = (service, listener)
        self._refused: Counter = metrics.counter(
            f"netforge_{noun}_refused_total", f"{noun.capitalize()} that limits refused", (*LABELS, "reason")
        )
        self._cut: Counter = metrics.counter(
            "netforge_connections_cut_total", "Connections that a deadline ended", (*LABELS, "reason")
        )
        self._full: Gauge = metrics.gauge(
            "netforge_listener_full", "1 while a listener accepts nothing since it has all its connections", LABELS
        )

    def refused(self, refusal: Refusal) -> None:
        """A network has too many."""
        self._refused.labels(*self._where, refusal.reason).inc()
        if refusal.times:
            self._log.warn(
                "refused on {listener}, from {network} come {why}: {noun}={times}",
                event="refused",
                times=refusal.times,
                noun=self._noun,
                network=str(refusal.network),
                listener=self._listener,
                reason=refusal.reason,
                why=WORDS[refusal.reason],
            )

    def overflowed(self) -> None:
        """A connection came after the last place was taken, and before the port could be held."""
        self._refused.labels(*self._where, "total").inc()

    def full(self, full: bool) -> None:
        """The listener has all its connections, or has not any more."""
        self._full.labels(*self._where).set(full)
        message = "{listener} has all its connections, others wait" if full else "{listener} accepts connections again"
        self._log.warn(message, event="full" if full else "accepting", listener=self._listener)

    def cut(self, reason: str, times: int) -> None:
        """Connections are cut by a deadline."""
        self._cut.labels(*self._where, reason).inc(times)
        self._log.info(
            "cut on {listener}, since {why}: connections={times}",
            event="cut",
            times=times,
            listener=self._listener,
            reason=reason,
            why=CUT[reason],
        )
