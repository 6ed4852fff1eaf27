"""Threads on the simulated network: real ones, of which one runs at a time, while the clock stands still.

Whoever runs holds the baton. A thread gives it back when it ends and when it waits: for a condition (and so for a
queue, an event or a future), for time to pass, or for another thread. So threads do the same in every run.
"""

from __future__ import annotations

import math
import queue
import sys
import threading
import traceback
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine
    from netforge.testing.network.network import Network

__all__ = ["Baton", "ThreadsStuck"]

#: Seconds of real time after which a thread that neither ends nor waits is taken to hang.
PATIENCE = 60.0


_start = threading.Thread.start
_join = threading.Thread.join
_wait = threading.Condition.wait


class ThreadsStuck(RuntimeError):  # noqa: N818  says what happened
    """Threads wait for what will never come."""


class _Abandoned(BaseException):
    """Ends a thread that nobody will run again."""


class _Worker:
    """A thread, and what it waits for: until it is *ready*, or at most until a deadline."""

    def __init__(self, thread: threading.Thread, machine: Machine | None) -> None:
        self.thread = thread
        self.machine = machine
        self.ready: Callable[[], bool] = _always
        self.deadline = math.inf
        self.turn = allocate_lock()
        self.turn.acquire()
        self.done = False


class Baton:
    """Runs the threads of a network.

    :param network: whose threads they are.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._schedule = network.schedule
        self._workers: dict[int, _Worker] = {}
        self._home = get_ident()
        self._back = allocate_lock()
        self._back.acquire()
        self._starting = False
        self._abandoning = False

    @property
    def names(self) -> list[str]:
        """The names of the threads that have not ended."""
        return [worker.thread.name for worker in self._workers.values()]

    def run_one(self) -> bool:
        """Run a thread that need not wait, until it waits or ends.

        :return: whether there was one.
        """
        for worker in self._workers.values():
            if worker.ready() or worker.deadline <= self._schedule.now:
                self._run(worker)
                return True
        return False

    def abandon(self) -> None:
        """End every thread where it stands."""
        self._abandoning = True
        for worker in list(self._workers.values()):
            self._run(worker)

    def has(self, ident: int) -> bool:
        """Whether a thread is one of these, or that of the reactors."""
        return ident == self._home or ident in self._workers

    # What stands for functions of threading and time while the network runs.

    def replaced(self) -> list[tuple[Any, str, Any]]:
        """What stands where: its owner, its name, and the function."""
        return [
            (threading.Thread, "start", _function(self.start)),
            (threading.Thread, "join", _function(self.join)),
            (threading.Condition, "wait", _function(self.wait)),
            # Which waits in C, where nobody sees it.
            (queue, "SimpleQueue", queue.Queue),
        ]

    def start(self, thread: threading.Thread) -> None:
        worker = _Worker(thread, self._network.running)
        run = thread.run

        def run_in_turn() -> None:
            worker.turn.acquire()
            try:
                if not self._abandoning:
                    run()
            except _Abandoned:
                pass
            finally:
                worker.done = True
                self._back.release()

        thread.run = run_in_turn  # type: ignore[method-assign]  # the thread is ours from now on
        # A test that fails leaves threads where they wait; they must not keep Python from ending.
        thread.daemon = True
        # A thread waits, on a condition, until the thread it has started is there: really, for once.
        self._starting = True
        try:
            _start(thread)
        finally:
            self._starting = False
        assert thread.ident is not None
        self._workers[thread.ident] = worker

    def join(self, thread: threading.Thread, timeout: float | None = None) -> None:
        worker = self._workers.get(thread.ident or 0)
        if worker is None or self._wait_until(lambda: worker.done, timeout):
            _join(thread, timeout)

    def wait(self, condition: Any, timeout: float | None = None) -> bool:
        if self._starting or not self.has(get_ident()):
            return _wait(condition, timeout)
        waiter = allocate_lock()
        waiter.acquire()
        condition._waiters.append(waiter)
        saved = condition._release_save()
        try:
            notified = self._wait_until(lambda: waiter.acquire(False), timeout)
        finally:
            condition._acquire_restore(saved)
        if not notified:
            condition._waiters.remove(waiter)
        return notified

    def sleep(self, seconds: float) -> bool:
        """Let a thread sleep. ``False``, at once, for the thread of the reactors, which must not."""
        if get_ident() not in self._workers:
            return False
        self._wait_until(_never, seconds)
        return True

    def _wait_until(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Wait, in a thread or in that of the reactors; ``False`` when the time is up."""
        worker = self._workers.get(get_ident())
        if worker is None:
            while not ready():
                if not self.run_one():
                    if timeout is not None:
                        return False
                    raise ThreadsStuck(f"the reactors wait for threads that wait themselves: {', '.join(self.names)}")
            return True
        if timeout is not None:
            worker.deadline = self._schedule.now + timeout
            self._schedule.at(worker.deadline, None, _always)  # so that its time comes
        satisfied: list[bool] = []

        def ready_once() -> bool:
            if not satisfied and ready():
                satisfied.append(True)
            return bool(satisfied)

        worker.ready = ready_once
        self._back.release()
        worker.turn.acquire()
        if self._abandoning:
            raise _Abandoned
        worker.ready, worker.deadline = _always, math.inf
        return bool(satisfied)

    def _run(self, worker: _Worker) -> None:
        """Hand the baton over, and take it back."""
        before, self._network.running = self._network.running, worker.machine
        worker.turn.release()
        if not self._back.acquire(timeout=PATIENCE):
            frame = sys._current_frames().get(worker.thread.ident or 0)
            stack = "".join(traceback.format_stack(frame)) if frame else ""
            raise ThreadsStuck(f"{worker.thread.name} neither ends nor waits for what is simulated:\n{stack}")
        self._network.running = before
        if worker.done:
            del self._workers[worker.thread.ident or 0]
            _join(worker.thread)


def _always() -> bool:
    return True


def _never() -> bool:
    return False


def _function(method: Callable[..., object]) -> Callable[..., object]:
    """A function like a method: set on a class, it is given the instance, as a method that is bound would not be."""

    def function(*arguments: object, **options: object) -> object:
        return method(*arguments, **options)

    return function
