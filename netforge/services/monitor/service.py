"""Settings and wiring of the monitor."""

from __future__ import annotations

from netforge.plugin import Context, Field, IMetrics, IReadings, IServices, Listen, Parts, Settings, Stream, service
from netforge.protocols.http import HTTPFactory
from netforge.services.monitor.reactor import Lag, watch_threads
from netforge.services.monitor.site import MonitorSite

__all__ = ["MonitorSettings", "monitor"]

#: Seconds that a client may be silent.
IDLE = 10

LAB = """
[services.monitor]
listen = ["tcp:127.0.0.1:9464"]
"""


class MonitorSettings(Settings):
    """Metrics for Prometheus, and whether this is alive and ready, over HTTP."""

    listen: list[Listen] = Field(
        [Listen("tcp:127.0.0.1:9464")], description="where to serve /metrics, /live and /ready", min_length=1
    )


@service("monitor", MonitorSettings, needs=[IMetrics, IReadings, IServices], lab=LAB)
def monitor(settings: MonitorSettings, context: Context) -> Parts:
    """One site, and the numbers of the reactor."""
    watch_threads(context.reactor, context[IMetrics])
    yield Lag(context.clock, context[IMetrics]).task
    site = HTTPFactory(MonitorSite(context[IReadings], context[IServices]), context.clock, idle=IDLE)
    for listen in settings.listen:
        yield Stream(listen, site, protocol="http", try_it="curl http://{host}:{port}/ready")
