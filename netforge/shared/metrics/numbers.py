"""The numbers: metrics of prometheus-client in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import prometheus_client
from prometheus_client.exposition import choose_encoder
from twisted.logger import Logger
from zope.interface import implementer

from netforge.plugin import Counter, Gauge, Histogram, IMetrics

__all__ = ["Numbers"]

log = Logger()

#: Upper bounds in seconds: what answers at once, what people call quick, and what they give up on.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class ReadableGauge(prometheus_client.Gauge):
    """A gauge whose function may fail: then it is not a number, and the others are shown all the same."""

    def set_function(self, f: Callable[[], float]) -> None:
        """Let it be read by calling *f*."""
        super().set_function(partial(_read, self._name, f))


def _read(name: str, function: Callable[[], float]) -> float:
    try:
        return function()
    except Exception:
        log.failure("the metric {name} cannot be read", name=name)
        return float("nan")


@implementer(IMetrics)
class Numbers:
    """Every metric of a host, and of the process that it runs in."""

    def __init__(self) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        self._made: dict[str, tuple[Any, type, tuple[str, ...]]] = {}
        prometheus_client.ProcessCollector(registry=self._registry)

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Counter:
        """See :meth:`netforge.plugin.IMetrics.counter`."""
        counter: Counter = self._metric(prometheus_client.Counter, name, description, labels)
        return counter

    def gauge(self, name: str, description: str, labels: Sequence[str] = ()) -> Gauge:
        """See :meth:`netforge.plugin.IMetrics.gauge`."""
        gauge: Gauge = self._metric(ReadableGauge, name, description, labels)
        return gauge

    def histogram(
        self, name: str, description: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> Histogram:
        """See :meth:`netforge.plugin.IMetrics.histogram`."""
        make = prometheus_client.Histogram
        histogram: Histogram = self._metric(make, name, description, labels, buckets=buckets or SECONDS)
        return histogram

    def show(self, accept: str) -> tuple[str, bytes]:
        """All of them; see :meth:`netforge.plugin.IReadings.numbers`."""
        encode, kind = choose_encoder(accept)
        return kind, encode(self._registry)

    def _metric(self, kind: type, name: str, description: str, labels: Sequence[str], **options: Any) -> Any:
        if name not in self._made:
            made = kind(name, description, labels, registry=self._registry, **options)
            self._made[name] = made, kind, tuple(labels)
        metric, *known = self._made[name]
        if known != [kind, tuple(labels)]:
            raise ValueError(f"{name} is {_spelled(*known)} already, so it cannot be {_spelled(kind, labels)}")
        return metric


def _spelled(kind: Any, labels: Any) -> str:
    return f"a {kind._type} with the labels {', '.join(labels) or '(none)'}"
