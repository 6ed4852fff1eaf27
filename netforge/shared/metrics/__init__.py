"""Metrics and health behind :class:`netforge.plugin.IMetrics` and :class:`netforge.plugin.IHealth`."""

from netforge.shared.metrics.plugin import MetricsSettings, metrics

__all__ = ["MetricsSettings", "metrics"]
