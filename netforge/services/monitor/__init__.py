"""The monitor: the numbers for Prometheus, and whether the process is alive and ready, over HTTP."""

from netforge.services.monitor.service import MonitorSettings, monitor

__all__ = ["MonitorSettings", "monitor"]
