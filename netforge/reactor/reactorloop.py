"""``ReactorLoop``: an asyncio loop for reactors that do not run on one."""

from __future__ import annotations

import asyncio
import sys
from asyncio import AbstractEventLoop, Future, Handle, Task, TimerHandle
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextvars import Context
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any, NoReturn, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary, ref

from twisted.internet.interfaces import IDelayedCall, IReactorCore, IReactorFromThreads, IReactorThreads, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["ReactorLoop"]

log = Logger()

_Result = TypeVar("_Result")
_Args = TypeVarTuple("_Args")
_ExceptionHandler = Callable[[AbstractEventLoop, dict[str, Any]], object]

#: How many timers there may be before it is worth a look which of them were cancelled.
_FEW_TIMERS = 100


class ReactorLoop(AbstractEventLoop):
    """An asyncio loop of a reactor's clock and threads: callbacks, timers, futures, tasks, executors.

    It runs when the reactor does, and keeps the order of asyncio's own loop. It is asyncio's running loop in what it
    calls, not in what the reactor calls otherwise. It has no sockets, processes or signals.

    :param reactor: whose turns it runs in. Only a weak reference is kept; without its reactor the loop is closed.
        Other threads need one that provides ``IReactorThreads``.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor_ref: Callable[[], IReactorTime | None] = ref(reactor)
        self._debug = False
        self._ready: deque[Handle] = deque()
        # Those of one time in the order in which they were made.
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._numbers = count()
        self._most_timers = _FEW_TIMERS
        self._turning = False
        self._turn_planned = False
        self._alarm: IDelayedCall | None = None
        self._alarm_time = inf
        self._executor: Executor | None = None
        self._task_factory: Any = None
        self._exception_handler: _ExceptionHandler | None = None
        # Not a WeakSet, whose order differs from run to run.
        self._generators: WeakKeyDictionary[AsyncGenerator[Any, Any], None] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._reactor_ref()!r}>"

    # Callbacks.

    def call_soon(self, callback: Callable[[*_Args], object], *args: *_Args, context: Context | None = None) -> Handle:
        handle = Handle(callback, args, self, context)
        self._plan_turn()
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*_Args], object], *args: *_Args, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, self, context)
        reactor = IReactorFromThreads(self._reactor)
        self._ready.append(handle)
        reactor.callFromThread(self._plan_turn)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*_Args], object], *args: *_Args, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Args], object], *args: *_Args, context: Context | None = None
    ) -> TimerHandle:
        timer = TimerHandle(when, callback, args, self, context)
        if len(self._timers) >= self._most_timers:
            self._timers = [one for one in self._timers if not one[2].cancelled()]
            heapify(self._timers)
            self._most_timers = max(_FEW_TIMERS, 2 * len(self._timers))
        heappush(self._timers, (when, next(self._numbers), timer))
        self._set_alarm()
        return timer

    def time(self) -> float:
        return self._reactor.seconds()

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """What a timer calls when it is cancelled. It is passed over later."""

    # Turns.

    @property
    def _reactor(self) -> IReactorTime:
        reactor = self._reactor_ref()
        if reactor is None:
            raise RuntimeError(f"{self!r} is closed")
        return reactor

    def _plan_turn(self) -> None:
        if not (self._turn_planned or self._turning):
            self._reactor.callLater(0, self._planned_turn)
            self._turn_planned = True

    def _set_alarm(self) -> None:
        """Have a turn when the first timer is due. During a turn, its end sees to that."""
        if self._turning:
            return
        while self._timers and self._timers[0][2].cancelled():
            heappop(self._timers)
        first = self._timers[0][0] if self._timers else inf
        if first == self._alarm_time:
            return
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if first < inf:
            self._alarm = self._reactor.callLater(max(0, first - self.time()), self._ring)
        self._alarm_time = first

    def _planned_turn(self) -> None:
        self._turn_planned = False
        self._turn()

    def _ring(self) -> None:
        self._alarm, self._alarm_time = None, inf
        self._turn()

    def _turn(self) -> None:
        """Call what is ready or due by now, but not what that makes ready, as the running loop of asyncio."""
        if self.is_closed():
            return
        outer, hooks = _get_running_loop(), sys.get_asyncgen_hooks()
        _set_running_loop(self)
        sys.set_asyncgen_hooks(self._first_iteration, self._finalize)
        self._turning = True
        try:
            self._call_all()
        finally:
            self._turning = False
            sys.set_asyncgen_hooks(*hooks)
            _set_running_loop(outer)
            if self._ready:
                self._plan_turn()
            self._set_alarm()

    def _call_all(self) -> None:
        now = self.time()
        while self._timers and self._timers[0][0] <= now:
            self._ready.append(heappop(self._timers)[2])
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()  # the one way to call it in its context and have its exception handled

    # Futures, tasks and asynchronous generators.

    def create_future(self) -> Future[Any]:
        return Future(loop=self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **options: Any
    ) -> Task[Any]:
        """See asyncio. The options are what newer Pythons have."""
        self._reactor  # noqa: B018  raises if the loop is closed
        if self._task_factory is None:
            return Task(coro, loop=self, name=name, context=context, **options)
        if context is not None:
            options["context"] = context
        task: Task[Any] = self._task_factory(self, coro, **options)
        if name is not None:
            task.set_name(name)
        return task

    def set_task_factory(self, factory: Any) -> None:
        self._task_factory = factory

    def get_task_factory(self) -> Any:
        return self._task_factory

    async def shutdown_asyncgens(self) -> None:
        generators = list(self._generators)
        self._generators.clear()
        for generator in generators:
            try:
                await generator.aclose()
            except Exception as error:
                self.call_exception_handler({"message": "closing failed", "exception": error, "asyncgen": generator})

    def _first_iteration(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generators[generator] = None

    def _finalize(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Close one that nobody refers to any more. Any thread may have found that out."""
        if not self.is_closed():
            self.call_soon_threadsafe(lambda: self.create_task(generator.aclose()))

    # Threads.

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Args], _Result], *args: *_Args
    ) -> Future[_Result]:
        """See asyncio. The default executor is the reactor's thread pool."""
        if chosen := executor or self._executor:
            return asyncio.wrap_future(chosen.submit(func, *args), loop=self)
        reactor = IReactorThreads(self._reactor)
        return deferToThreadPool(reactor, reactor.getThreadPool(), func, *args).asFuture(self)

    def set_default_executor(self, executor: Executor) -> None:
        self._executor = executor

    async def shutdown_default_executor(self) -> None:
        """Shut down the one that was set. The reactor's thread pool lasts as long as the reactor."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await self.run_in_executor(None, executor.shutdown)

    # Errors.

    def set_exception_handler(self, handler: _ExceptionHandler | None) -> None:
        self._exception_handler = handler

    def get_exception_handler(self) -> _ExceptionHandler | None:
        return self._exception_handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self._exception_handler is None:
            self.default_exception_handler(context)
            return
        try:
            self._exception_handler(self, context)
        except Exception:
            log.failure("the exception handler of an asyncio loop failed")
            self.default_exception_handler(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log it, with its failure."""
        if error := context.get("exception"):
            log.failure("{context}", Failure(error), context=context)
        else:
            log.error("{context}", context=context)

    def get_debug(self) -> bool:
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        self._debug = enabled

    def is_running(self) -> bool:
        return not self.is_closed() and bool(IReactorCore(self._reactor).running)

    def is_closed(self) -> bool:
        return self._reactor_ref() is None

    def close(self) -> None:
        if self.is_running():
            raise RuntimeError(f"{self!r} runs and cannot be closed: stop the reactor")
        self._reactor_ref = lambda: None
        self._turn_planned = False
        self._ready.clear()
        self._timers.clear()


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(self: ReactorLoop, *args: object, **kwargs: object) -> NoReturn:
        if name in _INSTEAD:
            raise RuntimeError(f"{self!r} runs when its reactor does, and has no {name}(): {_INSTEAD[name]}")
        choose = "a real asyncio loop: start with --reactor=forge or --reactor=asyncio"
        raise NotImplementedError(f"{self!r} has no {name}(), which needs {choose}")

    return refuse


_INSTEAD = {
    "run_forever": "call reactor.run()",
    "run_until_complete": "await Deferred.fromFuture(asyncio.ensure_future(..., loop=loop))",
    "stop": "call reactor.stop()",
}

for _name in vars(AbstractEventLoop).keys() - vars(ReactorLoop).keys():
    if not _name.startswith("_"):
        setattr(ReactorLoop, _name, _refusal(_name))
