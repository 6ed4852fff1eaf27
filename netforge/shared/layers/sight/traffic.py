"""What a listener for streams carries, in numbers."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from netforge.plugin import Counter, IMetrics, Meter
from netforge.shared.layers.sight.reasons import reason_of

__all__ = ["LABELS", "Traffic", "bytes_received"]

LABELS = ("service", "listener")

#: Upper bounds in seconds: from a probe to a connection that lasts a day.
DURATIONS = (0.01, 0.1, 1, 10, 60, 600, 3600, 21600, 86400)


def bytes_received(metrics: IMetrics) -> Counter:
    """The one count of bytes for streams and datagrams."""
    return metrics.counter("netforge_received_bytes_total", "Bytes that peers have sent", LABELS)


class Traffic:
    """Counts the connections of a listener, and what goes through them.

    :param service: the name of its service.
    :param listener: its address.
    """

    def __init__(self, metrics: IMetrics, clock: IReactorTime, service: str, listener: str) -> None:
        self._clock = clock
        self._labels = service, listener
        #: For each open connection when it began, and the bytes that are counted already.
        self._open: dict[Meter, tuple[float, int, int]] = {}
        self._begun = metrics.counter("netforge_connections_total", "Connections that were accepted", LABELS).labels(
            *self._labels
        )
        self._ended = metrics.counter(
            "netforge_connections_ended_total", "Connections that have ended, by the reason", (*LABELS, "reason")
        )
        self._durations = metrics.histogram(
            "netforge_connection_duration_seconds", "How long connections lasted", LABELS, DURATIONS
        ).labels(*self._labels)
        # Whoever looks how many are open sees next what they have carried so far, which costs nothing in between.
        metrics.gauge("netforge_open_connections", "Connections that are open", LABELS).labels(
            *self._labels
        ).set_function(self._look)
        self._received = bytes_received(metrics).labels(*self._labels)
        self._sent = metrics.counter("netforge_sent_bytes_total", "Bytes that were sent to peers", LABELS).labels(
            *self._labels
        )

    def connected(self, meter: Meter) -> None:
        """See :class:`netforge.plugin.Watcher`."""
        self._begun.inc()
        self._open[meter] = self._clock.seconds(), 0, 0

    def lost(self, meter: Meter, reason: Failure) -> None:
        """See :class:`netforge.plugin.Watcher`."""
        self._count(meter)
        begun, _, _ = self._open.pop(meter)
        self._durations.observe(self._clock.seconds() - begun)
        self._ended.labels(*self._labels, reason_of(reason)).inc()

    def _look(self) -> int:
        for meter in self._open:
            self._count(meter)
        return len(self._open)

    def _count(self, meter: Meter) -> None:
        begun, received, sent = self._open[meter]
        self._received.inc(meter.received - received)
        self._sent.inc(meter.sent - sent)
        self._open[meter] = begun, meter.received, meter.sent
