"""The threads of one application."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from netforge.services.web.wsgi.crossing import Cross

__all__ = ["Workers"]

log = Logger()

#: Seconds that threads are given to end what they do, once all connections are closed.
PATIENCE = 5.0

Job = Callable[[], object]


class Workers:
    """A fixed number of threads, of which no more are awake than there is work for.

    :param clock: where the time comes from.
    :param cross: has the reactor make a call.
    :param threads: how many.
    """

    def __init__(self, clock: IReactorTime, cross: Cross, threads: int) -> None:
        self._clock = clock
        self._cross = cross
        self._threads = threads
        self._jobs: queue.SimpleQueue[Job | None] | None = None
        self._alive = 0
        self._ended: Deferred[None] | None = None

    def start(self) -> None:
        """Start the threads."""
        # Looked up late, so that it is the one of a simulated network there.
        jobs = self._jobs = queue.SimpleQueue()
        for number in range(self._threads):
            # Daemons: Python would wait at its end for one that hangs.
            threading.Thread(target=self._work, args=(jobs,), name=f"wsgi-{number}", daemon=True).start()
        self._alive = self._threads

    def stop(self) -> Deferred[None]:
        """Have the threads end when they have done what there is to do. One that hangs is left to itself.

        :return: fires when all have ended, or after five seconds.
        """
        jobs, self._jobs = self._jobs, None
        if jobs is None:
            return succeed(None)
        for _ in range(self._threads):
            jobs.put(None)
        ended = self._ended = Deferred()
        late = self._clock.callLater(PATIENCE, self._give_up)
        return ended.addBoth(lambda _: late.cancel() if late.active() else None)

    def do(self, job: Job) -> None:
        """Have a thread do something, which must not raise.

        :raises RuntimeError: if they have not been started.
        """
        if self._jobs is None:
            raise RuntimeError("the threads of the application are not running: call start() first")
        self._jobs.put(job)

    def _work(self, jobs: queue.SimpleQueue[Job | None]) -> None:
        while (job := jobs.get()) is not None:
            job()
        self._cross(self._one_ended, jobs)

    def _one_ended(self, jobs: queue.SimpleQueue[Job | None]) -> None:
        self._alive -= 1
        if not self._alive:
            self._fire()

    def _give_up(self) -> None:
        log.error("{count} threads of a WSGI application hang, and are left to themselves", count=self._alive)
        self._fire()

    def _fire(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(None)
