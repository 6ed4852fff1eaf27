"""Metrics and health: what a component tells of itself while it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from zope.interface import Interface

__all__ = ["Counter", "Gauge", "Histogram", "IHealth", "IMetrics", "IReadings"]


class Counter(Protocol):
    """A number that only grows."""

    def labels(self, *values: str) -> Counter:
        """The counter with these values for its labels, in their order. Worth keeping: each call looks it up."""

    def inc(self, amount: float = 1) -> None:
        """Add to it."""


class Gauge(Protocol):
    """A number that goes up and down."""

    def labels(self, *values: str) -> Gauge:
        """The gauge with these values for its labels."""

    def inc(self, amount: float = 1) -> None:
        """Add to it."""

    def dec(self, amount: float = 1) -> None:
        """Take from it."""

    def set(self, value: float) -> None:
        """Set it."""

    def set_function(self, read: Callable[[], float]) -> None:
        """Let it be read by calling *read*, whenever somebody looks."""

    def remove(self, *values: str) -> None:
        """Forget these labels."""


class Histogram(Protocol):
    """How many of something were how large."""

    def labels(self, *values: str) -> Histogram:
        """The histogram with these values for its labels."""

    def observe(self, amount: float) -> None:
        """Count one of that size."""


class IMetrics(Interface):
    """Numbers that Prometheus collects.

    Names begin with ``netforge_``, end in their unit (``_seconds``, ``_bytes``; ``_total`` for counters), and follow
    Prometheus' conventions. The same name gives the same metric every time, so that an instance after a reload goes
    on with it.
    """

    def counter(name: str, description: str, labels: Sequence[str] = ()) -> Counter:
        """A counter.

        :param description: what it counts, in one line.
        :param labels: the names of its labels.
        :raises ValueError: if the name is that of another kind of metric, or of one with other labels.
        """

    def gauge(name: str, description: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge; see :meth:`counter`."""

    def histogram(name: str, description: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()) -> Histogram:
        """A histogram; see :meth:`counter`.

        :param buckets: upper bounds; those that suit seconds from 5 ms to 10 s if left out.
        """


class IHealth(Interface):
    """Whether what runs can do its work."""

    def watch(name: str, check: Callable[[], Awaitable[object] | object]) -> Callable[[], None]:
        """Have something checked whenever somebody asks whether it is ready.

        :param name: what is checked: the name of a service or a component.
        :param check: raises, or fails, if it cannot do its work. It is given a second. The latest check of a name
            counts alone, so that an instance after a reload speaks for itself.
        :return: ends the watch. May be called twice.
        """


class IReadings(Interface):
    """What the metrics and checks say now, for whoever shows it."""

    def numbers(accept: str) -> tuple[str, bytes]:
        """Every metric in Prometheus' text format, or in OpenMetrics where that is accepted.

        :param accept: the ``Accept`` field of a request (RFC 9110, section 12.5.1); may be empty.
        :return: the type of the content, and the content.
        """

    def health() -> Awaitable[Mapping[str, str]]:
        """Make every check. For each name what is wrong, in one line; empty if nothing is."""
