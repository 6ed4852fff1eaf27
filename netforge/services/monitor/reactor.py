"""Numbers of the reactor: how late it is, and how busy its threads are."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from netforge.plugin import IMetrics, IReactor, Task

__all__ = ["Lag", "watch_threads"]

#: Seconds between two looks at the clock.
INTERVAL = 0.5

#: Upper bounds in seconds. Beyond 50 ms something holds the reactor that should not.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Lag:
    """Measures how much later than it should a timer rings: as late is the answer to whatever arrives.

    :param clock: the reactor's.
    """

    def __init__(self, clock: IReactorTime, metrics: IMetrics) -> None:
        self.task = Task(self._start, self._stop, name="the measurement of lag")
        self._clock = clock
        self._lag = metrics.histogram(
            "netforge_reactor_lag_seconds", "How late the reactor is, twice a second", buckets=BUCKETS
        )
        self._call: IDelayedCall | None = None

    def _start(self) -> None:
        self._due = self._clock.seconds() + INTERVAL
        self._call = self._clock.callLater(INTERVAL, self._ring)

    def _ring(self) -> None:
        # Not below zero: the clock of the system may have been set back.
        self._lag.observe(max(0.0, self._clock.seconds() - self._due))
        self._start()

    def _stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None


def watch_threads(reactor: IReactor, metrics: IMetrics) -> None:
    """Show how the reactor's own threads are doing, under the label ``reactor``."""
    pool = reactor.getThreadPool()
    for name, description, read in (
        ("netforge_threads", "Threads that there are", lambda: pool.workers),
        ("netforge_threads_max", "Threads that there may be", lambda: pool.max),
        ("netforge_threads_busy", "Threads that are at work", lambda: len(pool.working)),
        ("netforge_threads_waiting", "Pieces of work that wait for a thread", pool.q.qsize),
    ):
        metrics.gauge(name, description, ["pool"]).labels("reactor").set_function(read)
