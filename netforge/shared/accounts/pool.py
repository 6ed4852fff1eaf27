"""A few threads for work that takes long, and a fair, bounded queue before them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from netforge.plugin import AccountsUnavailable, IReactor

__all__ = ["FairPool"]

T = TypeVar("T")

MOST_WAITING = 200
"""How many may wait, all together."""

MOST_WAITING_EACH = 50
"""How many may wait of one origin. Everybody behind one address comes to work in the morning."""

REST = 3
"""How many times as long as a job in vain took its origin then waits for the next one.

So who guesses takes a quarter of one processor at most.
"""


class _Job:
    def __init__(self, origin: Hashable, work: Callable[[], Any], cancelled: Callable[[_Job], None]) -> None:
        self.origin = origin
        self.work = work
        self.done: Deferred[Any] = Deferred(lambda _: cancelled(self))


class FairPool:
    """Does jobs in threads. Each origin has a queue of its own, one thread at a time.

    The origins take turns: who asks much waits long, and nobody else does. A job that returns ``False``, as that of a
    wrong password does, was in vain: its origin rests after it.

    :param name: what the threads are called.
    :param threads: how many there are.
    :param reactor: where results are wanted.
    """

    def __init__(self, name: str, threads: int, reactor: IReactor) -> None:
        self._threads = threads
        self._reactor = reactor
        self._pool = ThreadPool(0, threads, name)
        self._queues: OrderedDict[Hashable, deque[_Job]] = OrderedDict()
        self._served: set[Hashable] = set()
        self._resting: dict[Hashable, IDelayedCall] = {}
        self._running = False
        self._idle: Deferred[None] | None = None

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return sum(map(len, self._queues.values()))

    def start(self) -> None:
        """Begin to work."""
        self._pool.start()
        self._running = True

    async def stop(self) -> None:
        """Begin nothing more, wait for what is under way, and end the threads."""
        self._running = False
        queues, self._queues = self._queues, OrderedDict()
        for call in self._resting.values():
            call.cancel()
        self._resting.clear()
        for job in [job for queue in queues.values() for job in queue]:
            job.done.errback(AccountsUnavailable("it is being stopped"))
        if self._served:
            self._idle = Deferred()
            await self._idle
        # In a turn of its own, since threads are waited for, which by now have nothing to do.
        await deferLater(self._reactor, 0)
        self._pool.stop()

    def do(self, origin: Hashable, work: Callable[[], T]) -> Deferred[T]:
        """Call a function in a thread. Cancelling the Deferred takes it out of the queue.

        :param origin: for whom: the origins take turns.
        :return: fires with what it returns; fails with what it raises.
        :raises AccountsUnavailable: through the Deferred, if too much waits already, or if this has stopped.
        """
        if not self._running:
            return fail(AccountsUnavailable("it is stopped"))
        job = _Job(origin, work, self._forget)
        if len(self._served) < self._threads and self._may_begin(origin):
            self._begin(job)
        elif self.waiting >= MOST_WAITING or len(self._queues.get(origin, ())) >= MOST_WAITING_EACH:
            return fail(AccountsUnavailable("too many log in at once: try again"))
        else:
            self._queues.setdefault(origin, deque()).append(job)
        return job.done

    def _may_begin(self, origin: Hashable) -> bool:
        return origin not in self._served and origin not in self._resting

    def _begin(self, job: _Job) -> None:
        self._served.add(job.origin)
        began = self._reactor.seconds()
        deferToThreadPool(self._reactor, self._pool, job.work).addBoth(self._finished, job, began)

    def _finished(self, result: Any, job: _Job, began: float) -> None:
        self._served.remove(job.origin)
        if self._running and result is False:
            rest = REST * (self._reactor.seconds() - began)
            self._resting[job.origin] = self._reactor.callLater(rest, self._rested, job.origin)
        self._begin_next()
        if not job.done.called:
            job.done.callback(result)
        elif isinstance(result, Failure):
            # Who had asked is gone, and a Failure is not to be reported by the garbage collector.
            result.cleanFailure()
        if not self._served and self._idle is not None:
            idle, self._idle = self._idle, None
            idle.callback(None)

    def _rested(self, origin: Hashable) -> None:
        del self._resting[origin]
        self._begin_next()

    def _begin_next(self) -> None:
        """Begin the job of whose turn it is; to wait is not to lose it."""
        origin = next((one for one in self._queues if self._may_begin(one)), None)
        if origin is not None and len(self._served) < self._threads:
            queue = self._queues.pop(origin)
            self._begin(queue.popleft())
            if queue:
                self._queues[origin] = queue

    def _forget(self, job: _Job) -> None:
        queue = self._queues.get(job.origin)
        if queue is not None and job in queue:
            queue.remove(job)
            if not queue:
                del self._queues[job.origin]
