"""Metrics and health as a shared component."""

from __future__ import annotations

from netforge.plugin import Context, IHealth, IMetrics, IReadings, Offer, Parts, Settings, service
from netforge.shared.metrics.health import Health
from netforge.shared.metrics.numbers import Numbers
from netforge.shared.metrics.readings import Readings

__all__ = ["MetricsSettings", "metrics"]


class MetricsSettings(Settings):
    """Metrics and health."""


@service("metrics", MetricsSettings, offers=[IMetrics, IHealth, IReadings])
def metrics(settings: MetricsSettings, context: Context) -> Parts:
    """Numbers and checks of everything in this process."""
    numbers = context.keep("numbers", Numbers)
    health = context.keep("health", lambda: Health(context.clock))
    return [Offer(IMetrics, numbers), Offer(IHealth, health), Offer(IReadings, Readings(numbers, health))]
