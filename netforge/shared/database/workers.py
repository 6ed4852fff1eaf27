"""A few threads with a bounded queue before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Thread
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from netforge.plugin import DatabaseBusy, DatabaseUnavailable, IReactor

__all__ = ["Workers"]

T = TypeVar("T")

#: The most jobs that wait. At a millisecond each they are done before anybody's patience ends.
MOST_WAITING = 1000


class _Daemon(Thread):
    """A thread that does not keep the process from ending: what it has not committed is rolled back."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, daemon=True, **options)


class _Pool(ThreadPool):
    threadFactory = _Daemon  # noqa: N815  Twisted's


class _Job(Generic[T]):
    """Something to do, and who waits for it.

    :ivar timer: ends its waiting; ``None`` once it does not wait.
    """

    def __init__(self, work: Callable[[], T], cancelled: Callable[[_Job[Any]], None]) -> None:
        self.work = work
        self.done: Deferred[T] = Deferred(lambda _: cancelled(self))
        self.timer: IDelayedCall | None = None


class Workers:
    """Does jobs in threads, so many at a time, first come, first served.

    All methods are called in the reactor's thread.

    :param name: what the threads are called.
    :param size: how many there are.
    :param reactor: where results are wanted, and what time it is.
    :param patience: for how many seconds a job may wait for a thread.
    :ivar busy: how many are at work.
    """

    def __init__(self, name: str, size: int, reactor: IReactor, patience: float) -> None:
        self.name = name
        self.size = size
        self.busy = 0
        self._reactor = reactor
        self._patience = patience
        self._pool = _Pool(0, size, name)
        self._running = False
        self._waiting: deque[_Job[Any]] = deque()
        self._idle: Deferred[None] | None = None

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin to work."""
        self._pool = _Pool(0, self.size, self.name)
        self._pool.start()
        self._running = True

    async def stop(self, last: Callable[[], object]) -> None:
        """Take nothing more, do what was taken, and end the threads.

        A caller who gives up waiting leaves them at work; they end with the process.

        :param last: called in the last of them.
        """
        self._running = False
        if self.busy:
            self._idle = Deferred()
            await self._idle
        await deferToThreadPool(self._reactor, self._pool, last)
        self._pool.stop()

    def do(self, work: Callable[[], T]) -> Deferred[T]:
        """Call a function in a thread.

        Cancelling the Deferred takes it out of the queue; once it has begun, nobody hears of it but it goes on.

        :return: fires with what it returns; fails with what it raises.
        :raises DatabaseBusy: through the Deferred, if no thread was free in time. Then it is never called.
        :raises DatabaseUnavailable: through the Deferred, if this has stopped.
        """
        if not self._running:
            return fail(DatabaseUnavailable("the database was stopped"))
        if len(self._waiting) >= MOST_WAITING:
            return fail(DatabaseBusy(f"{MOST_WAITING} others wait already"))
        job = _Job(work, self._forget)
        if self.busy < self.size:
            self._begin(job)
        else:
            job.timer = self._reactor.callLater(self._patience, self._give_up, job)
            self._waiting.append(job)
        return job.done

    def _begin(self, job: _Job[Any]) -> None:
        self.busy += 1
        deferToThreadPool(self._reactor, self._pool, job.work).addBoth(self._finished, job)

    def _finished(self, result: Any, job: _Job[Any]) -> None:
        self.busy -= 1
        if self._waiting:
            following = self._waiting.popleft()
            _no_longer_waits(following)
            self._begin(following)
        if not job.done.called:
            job.done.callback(result)
        if not self.busy and self._idle is not None:
            idle, self._idle = self._idle, None
            idle.callback(None)

    def _give_up(self, job: _Job[Any]) -> None:
        job.timer = None
        self._waiting.remove(job)
        job.done.errback(DatabaseBusy(f"no connection was free within {self._patience:g} s"))

    def _forget(self, job: _Job[Any]) -> None:
        if _no_longer_waits(job):
            self._waiting.remove(job)


def _no_longer_waits(job: _Job[Any]) -> bool:
    """Put an end to its waiting. Whether it did wait."""
    if job.timer is None:
        return False
    job.timer.cancel()
    job.timer = None
    return True
