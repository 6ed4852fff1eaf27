"""The small asyncio loop, on virtual clocks; threads really wait on epoll."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial
from math import inf
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import MemoryReactorClock

from netforge.reactor.anyloop import loop_of
from netforge.reactor.reactorloop import ReactorLoop
from netforge.testing import Network
from tests.reactors import fresh_reactors

REFUSED = [
    *("add_reader", "remove_reader", "add_writer", "remove_writer", "add_signal_handler", "remove_signal_handler"),
    *("sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into", "sock_sendall", "sock_sendto"),
    *("sock_connect", "sock_accept", "sock_sendfile", "sendfile", "start_tls", "create_connection", "create_server"),
    *("create_unix_connection", "create_unix_server", "create_datagram_endpoint", "connect_accepted_socket"),
    *("connect_read_pipe", "connect_write_pipe", "subprocess_exec", "subprocess_shell", "getaddrinfo", "getnameinfo"),
]

DAY = 86_400


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(1) as network:
        yield network


class Run:
    """Runs coroutines on the small loop of a simulated machine."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.reactor = network.machine("m").reactor
        self.loop = loop_of(self.reactor)

    def __call__(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.ensure_future(coroutine, loop=self.loop)
        return self.network.run_until(Deferred.fromFuture(task), timeout=DAY)

    @property
    def failures(self) -> list[Any]:
        return [failure.value for failure in self.network.failures]


@pytest.fixture
def run_simulated(network: Network) -> Run:
    return Run(network)


@pytest.fixture
def drive_epoll(drive: Any) -> Iterator[Any]:
    """Runs a scenario on Twisted's epoll reactor, whichever others run on."""
    with fresh_reactors("epoll") as make:
        yield type(drive)(make)


@pytest.fixture
def clock() -> MemoryReactorClock:
    return MemoryReactorClock()


@pytest.fixture
def loop(clock: MemoryReactorClock) -> asyncio.AbstractEventLoop:
    return loop_of(clock)


# What asyncio is made of.


def test_an_hour_of_sleep_costs_an_hour_of_virtual_time(run_simulated: Run) -> None:
    assert run_simulated(asyncio.sleep(3600, "awake")) == "awake"
    assert run_simulated.network.now == 3600


def test_sleepers_wake_when_their_time_comes(run_simulated: Run) -> None:
    woken: list[tuple[float, int]] = []

    async def sleep(seconds: int) -> None:
        await asyncio.sleep(seconds)
        woken.append((run_simulated.network.now, seconds))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for seconds in (3, 1, 2):
                group.create_task(sleep(seconds))

    run_simulated(main())
    assert woken == [(1, 1), (2, 2), (3, 3)]


def test_a_timeout_cancels_what_takes_too_long(run_simulated: Run) -> None:
    async def main() -> None:
        async with asyncio.timeout(5):
            await asyncio.sleep(inf)

    with pytest.raises(TimeoutError):
        run_simulated(main())
    assert run_simulated.network.now == 5


def test_a_wait_that_ends_in_time_leaves_nothing_behind(run_simulated: Run) -> None:
    async def main() -> str:
        return await asyncio.wait_for(asyncio.sleep(1, "done"), 100)

    assert run_simulated(main()) == "done"
    assert run_simulated.reactor.getDelayedCalls() == []


def test_queues_locks_and_events_pass_turns(run_simulated: Run) -> None:
    async def main() -> list[int]:
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
        lock, told = asyncio.Lock(), asyncio.Event()
        got: list[int] = []

        async def consume() -> None:
            await told.wait()
            while True:
                number = await queue.get()
                async with lock:
                    await asyncio.sleep(1)
                    got.append(number)
                queue.task_done()

        consumers = [asyncio.create_task(consume()) for _ in range(2)]
        asyncio.get_running_loop().call_later(1, told.set)
        for number in range(4):
            await queue.put(number)
        await queue.join()
        for one in consumers:
            one.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)
        return got

    assert run_simulated(main()) == [0, 1, 2, 3]
    assert run_simulated.network.now == 5


def test_many_ready_callbacks_are_one_call_of_the_reactor(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    called: list[int] = []
    for number in range(1000):
        loop.call_soon(called.append, number)
    assert called == []
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(0)
    assert called == list(range(1000))
    assert clock.getDelayedCalls() == []


def test_what_a_callback_makes_ready_waits_for_the_next_turn() -> None:
    turns: list[str] = []

    class Counting(Clock):
        def callLater(self, delay: float, callable: Any, *args: object, **kw: object) -> Any:  # noqa: A002, N802
            def turn() -> None:
                turns.append("turn")
                callable(*args, **kw)

            return super().callLater(delay, turn)

    clock = Counting()
    loop = loop_of(clock)
    loop.call_soon(lambda: loop.call_soon(turns.append, "inner"))
    loop.call_soon(turns.append, "outer")
    clock.advance(0)
    assert turns == ["turn", "outer", "turn", "inner"]


def test_an_earlier_timer_goes_first_and_a_cancelled_one_is_passed_over(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    called: list[object] = []
    loop.call_later(20, called.append, "late")
    cancelled = loop.call_later(10, called.append, "cancelled")
    loop.call_at(loop.time() + 5, called.append, "early")
    assert [call.getTime() for call in clock.getDelayedCalls()] == [5]
    cancelled.cancel()
    clock.advance(5)
    assert called == ["early"]
    assert [call.getTime() for call in clock.getDelayedCalls()] == [20]
    clock.advance(15)
    assert called == ["early", "late"]


def test_timers_of_one_time_keep_their_order_and_one_in_the_past_is_due_at_once(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    called: list[int] = []
    for number in range(20):
        loop.call_at(1, called.append, number)
    loop.call_later(-5, called.append, -1)
    clock.advance(0)
    assert called == [-1]
    clock.advance(1)
    assert called == [-1, *range(20)]


def test_cancelled_timers_are_forgotten_long_before_their_time(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    alive: weakref.WeakSet[asyncio.TimerHandle] = weakref.WeakSet()
    loop.call_later(1, list)
    for _ in range(10_000):
        timer = loop.call_later(DAY, list)
        alive.add(timer)
        timer.cancel()
    del timer
    assert len(alive) <= 200
    assert len(clock.getDelayedCalls()) == 1


def test_no_reactor_is_asked_for_a_call_in_the_past(run_simulated: Run) -> None:
    called: list[int] = []
    run_simulated.loop.call_later(-5, called.append, 1)
    run_simulated.network.run(0)
    assert called == [1]


def test_a_timer_that_is_made_when_another_is_due_is_due_itself(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    called: list[int] = []
    loop.call_later(1, lambda: loop.call_at(1, called.append, 1))
    clock.advance(1)
    assert called == [1]


def test_a_timer_that_does_not_outlast_the_turn_never_reaches_the_reactor(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    planned: list[int] = []

    def make_and_cancel() -> None:
        timer = loop.call_later(1, list)
        planned.append(len(clock.getDelayedCalls()))
        timer.cancel()

    loop.call_soon(make_and_cancel)
    clock.advance(0)
    assert planned == [0]
    assert clock.getDelayedCalls() == []


def test_what_waits_forever_plans_nothing(clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop) -> None:
    loop.call_later(inf, list)
    assert clock.getDelayedCalls() == []
    called: list[int] = []
    loop.call_later(1, called.append, 1)
    clock.advance(1)
    assert called == [1]
    assert clock.getDelayedCalls() == []


def test_it_is_the_running_loop_in_what_it_calls_and_nowhere_else(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    seen: list[object] = []

    def look() -> None:
        try:
            seen.append(asyncio.get_running_loop())
        except RuntimeError:
            seen.append(None)

    hooks = sys.get_asyncgen_hooks()
    loop.call_soon(look)
    clock.callLater(0, look)
    clock.advance(0)
    assert seen == [loop, None]
    assert sys.get_asyncgen_hooks() == hooks


def test_within_another_loop_that_one_runs_again_afterwards() -> None:
    async def main() -> None:
        outer, clock = asyncio.get_running_loop(), Clock()
        inner, seen = loop_of(clock), list[object]()
        inner.call_soon(lambda: seen.append(asyncio.get_running_loop()))
        clock.advance(0)
        assert seen == [inner]
        assert inner is not outer
        assert asyncio.get_running_loop() is outer

    asyncio.run(main())


def test_callbacks_and_tasks_run_in_the_context_they_were_made_in(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")
    seen: list[str] = []

    def look() -> None:
        seen.append(who.get())

    async def look_later() -> None:
        await asyncio.sleep(1)
        look()

    given = copy_context()
    given.run(who.set, "given")
    token = who.set("current")
    tasks = [loop.create_task(look_later()), loop.create_task(look_later(), context=given)]
    loop.call_soon(look)
    loop.call_soon(look, context=given)
    loop.call_later(0.5, look)
    loop.call_at(0.6, look, context=given)
    who.reset(token)
    clock.pump([0, 0.5, 0.1, 0.5])
    assert seen == ["current", "given"] * 3
    assert all(task.done() for task in tasks)


def test_tasks_have_names_and_come_from_the_factory(clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop) -> None:
    class Own(asyncio.Task[Any]):
        pass

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Own:
        return Own(coroutine, loop=loop, **options)

    who: ContextVar[str] = ContextVar("who", default="nobody")
    given = copy_context()
    given.run(who.set, "given")

    async def name() -> str:
        task = asyncio.current_task()
        assert task is not None
        return f"{type(task).__name__} {task.get_name()} {who.get()}"

    plain = loop.create_task(name(), name="plain")
    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    own = loop.create_task(name(), name="own", context=given)
    clock.advance(0)
    assert plain.result() == "Task plain nobody"
    assert own.result() == "Own own given"


# Deferreds.


def test_each_side_awaits_the_other(run_simulated: Run) -> None:
    reactor, loop = run_simulated.reactor, run_simulated.loop

    async def twisted() -> str:
        return await deferLater(reactor, 2, lambda: "twisted")

    async def main() -> str:
        return await Deferred.fromCoroutine(twisted()).asFuture(loop) + await asyncio.sleep(1, " and asyncio")

    assert run_simulated(main()) == "twisted and asyncio"
    assert run_simulated.network.now == 3


def test_cancelling_a_deferred_cancels_the_task_and_the_other_way_round(run_simulated: Run) -> None:
    reactor, loop = run_simulated.reactor, run_simulated.loop
    ended: list[str] = []

    async def sleep() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append("task")

    task = asyncio.ensure_future(sleep(), loop=loop)
    deferred: Deferred[None] = Deferred.fromFuture(task)
    deferred.addErrback(lambda failure: None)
    inner: Deferred[None] = Deferred(lambda _: ended.append("deferred"))
    future = inner.asFuture(loop)
    reactor.callLater(1, deferred.cancel)
    reactor.callLater(2, future.cancel)
    run_simulated.network.run(3)
    assert ended == ["task", "deferred"]
    assert task.cancelled()


# Threads.


def test_work_goes_to_the_pool_of_the_reactor(run_simulated: Run) -> None:
    async def main() -> tuple[str, str]:
        loop = asyncio.get_running_loop()
        name = await asyncio.to_thread(lambda: threading.current_thread().name)
        return name, await loop.run_in_executor(None, "{} {}".format, "a", "b")

    name, joined = run_simulated(main())
    assert name.startswith("PoolThread")
    assert joined == "a b"


def test_what_fails_in_a_thread_fails_where_it_is_awaited(run_simulated: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run_simulated(asyncio.to_thread(lambda: 1 / 0))


@pytest.mark.real
def test_a_given_executor_and_a_default_one_are_used(drive_epoll: Any) -> None:
    def thread() -> str:
        return threading.current_thread().name

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "given") as given:
            names = [await loop.run_in_executor(given, thread)]
        default = ThreadPoolExecutor(1, "default")
        loop.set_default_executor(default)
        names.append(await asyncio.to_thread(thread))
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="after shutdown"):
            default.submit(thread)
        names.append(await asyncio.to_thread(thread))
        await loop.shutdown_default_executor()
        return names

    async def scenario(reactor: Any) -> list[str]:
        names: list[str] = await Deferred.fromFuture(asyncio.ensure_future(main(), loop=loop_of(reactor)))
        return names

    given, default, pool = drive_epoll(scenario)
    assert (given, default) == ("given_0", "default_0")
    assert pool.startswith("PoolThread")


@pytest.mark.real
def test_callbacks_from_other_threads_keep_the_order_of_each(drive_epoll: Any) -> None:
    called: list[tuple[int, int]] = []

    def call(loop: asyncio.AbstractEventLoop, thread: int) -> None:
        for number in range(500):
            loop.call_soon_threadsafe(called.append, (thread, number))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        threads = [threading.Thread(target=call, args=(loop, thread)) for thread in range(4)]
        for one in threads:
            one.start()
        while len(called) < 2000:
            await asyncio.sleep(0)
        for one in threads:
            one.join()

    async def scenario(reactor: Any) -> None:
        await Deferred.fromFuture(asyncio.ensure_future(main(), loop=loop_of(reactor)))

    drive_epoll(scenario)
    for thread in range(4):
        assert [number for one, number in called if one == thread] == list(range(500))


@pytest.mark.real
def test_a_call_from_another_thread_wakes_a_reactor_that_sleeps(drive_epoll: Any) -> None:
    async def scenario(reactor: Any) -> object:
        loop = loop_of(reactor)
        future = asyncio.run_coroutine_threadsafe
        answer: Deferred[Any] = Deferred()

        def ask() -> None:
            result = future(asyncio.sleep(0, "answer"), loop).result(20)
            loop.call_soon_threadsafe(answer.callback, result)

        thread = threading.Thread(target=ask)
        thread.start()
        result = await answer
        thread.join()
        return result

    assert drive_epoll(scenario) == "answer"


# Errors.


def test_a_callback_that_fails_is_logged_and_the_others_go_on(run_simulated: Run) -> None:
    called: list[int] = []
    run_simulated.loop.call_soon(lambda: 1 / 0)
    run_simulated.loop.call_soon(called.append, 1)
    run_simulated.network.run(0)
    assert called == [1]
    [failure] = run_simulated.network.failures
    assert failure.check(ZeroDivisionError)
    assert "<lambda>" in failure.getTraceback()
    run_simulated.network.failures.clear()


def test_a_task_whose_failure_nobody_looks_at_is_logged(run_simulated: Run) -> None:
    async def fail() -> None:
        raise KeyError("key")

    task = run_simulated.loop.create_task(fail())
    tasks = [task]
    del task
    run_simulated.loop.call_later(1, tasks.clear)
    run_simulated.network.run(1)
    assert [type(error) for error in run_simulated.failures] == [KeyError]
    run_simulated.network.failures.clear()


def test_an_error_without_an_exception_is_logged_with_what_is_known(
    loop: asyncio.AbstractEventLoop, events: list[dict[str, Any]]
) -> None:
    loop.call_exception_handler({"message": "it broke", "future": "this one"})
    [event] = events
    assert event["context"] == {"message": "it broke", "future": "this one"}
    assert event["log_level"].name == "error"


def test_an_exception_handler_is_asked_and_may_fail_itself(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop, errors: list[Exception]
) -> None:
    contexts: list[dict[str, Any]] = []

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        contexts.append(context)
        if len(contexts) == 2:
            raise KeyError("the handler")

    loop.set_exception_handler(handle)
    assert loop.get_exception_handler() is handle
    for _ in range(2):
        loop.call_soon(lambda: 1 / 0)
        clock.advance(0)
    assert [type(context["exception"]) for context in contexts] == [ZeroDivisionError] * 2
    assert [type(error) for error in errors] == [KeyError, ZeroDivisionError]
    loop.set_exception_handler(None)
    loop.call_soon(lambda: 1 / 0)
    clock.advance(0)
    assert len(contexts) == 2


def test_after_an_exit_the_rest_is_called_in_another_turn(
    clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop
) -> None:
    called: list[int] = []

    def leave() -> None:
        raise SystemExit(3)

    loop.call_soon(leave)
    loop.call_soon(called.append, 1)
    with pytest.raises(SystemExit):
        clock.advance(0)
    clock.advance(0)
    assert called == [1]


def test_debug_is_off_until_it_is_set(loop: asyncio.AbstractEventLoop) -> None:
    assert not loop.get_debug()
    loop.set_debug(True)
    assert loop.get_debug()


# What it is not.


def test_exactly_what_needs_a_real_loop_is_refused() -> None:
    public = {name for name in vars(asyncio.AbstractEventLoop) if not name.startswith("_")}
    assert {name for name in public if getattr(ReactorLoop, name).__name__ == "refuse"} == {
        *REFUSED,
        "run_forever",
        "run_until_complete",
        "stop",
    }


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_the_reactors_that_could(loop: asyncio.AbstractEventLoop, name: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"has no {name}\(\).*--reactor=forge or --reactor=asyncio"):
        getattr(loop, name)(None, None)


@pytest.mark.parametrize("name", ["run_forever", "run_until_complete", "stop"])
def test_only_the_reactor_runs_it(loop: asyncio.AbstractEventLoop, name: str) -> None:
    with pytest.raises(RuntimeError, match=rf"runs when its reactor does, and has no {name}\(\): "):
        getattr(loop, name)()


def test_it_runs_when_its_reactor_does_and_is_not_closed_meanwhile(network: Network) -> None:
    reactor = network.machine("m").reactor
    loop = loop_of(reactor)
    assert not loop.is_running()
    network.run(0)
    assert loop.is_running()
    with pytest.raises(RuntimeError, match="stop the reactor"):
        loop.close()
    assert not loop.is_closed()


def test_a_closed_loop_takes_nothing_more(clock: MemoryReactorClock, loop: asyncio.AbstractEventLoop) -> None:
    called: list[int] = []
    loop.call_soon(called.append, 1)
    loop.call_later(1, called.append, 2)
    loop.close()
    loop.close()
    assert loop.is_closed()
    assert not loop.is_running()
    coroutine = asyncio.sleep(0)
    for use in (
        partial(loop.call_soon, list),
        partial(loop.call_later, 1, list),
        partial(loop.call_soon_threadsafe, list),
        partial(loop.create_task, coroutine),
    ):
        with pytest.raises(RuntimeError, match="is closed"):
            use()
    coroutine.close()
    clock.advance(1)
    assert called == []


def test_it_does_not_keep_its_reactor_alive() -> None:
    clock = Clock()
    loop, gone = loop_of(clock), weakref.ref(clock)
    loop.call_soon(list)
    del clock
    gc.collect()
    assert gone() is None
    assert loop.is_closed()
    again = Clock()
    assert loop_of(again) is not loop


# Asynchronous generators.


async def count(ended: list[str]) -> AsyncIterator[int]:
    try:
        while True:
            yield 1
    finally:
        await asyncio.sleep(0)
        ended.append("closed")


def test_an_abandoned_generator_is_closed(run_simulated: Run) -> None:
    ended: list[str] = []

    async def main() -> None:
        async for _ in count(ended):
            break

    run_simulated(main())
    gc.collect()
    run_simulated.network.run(0)
    assert ended == ["closed"]


def test_generators_that_are_still_open_are_closed_when_that_is_asked(run_simulated: Run) -> None:
    ended: list[str] = []

    async def failing() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise KeyError("key")

    async def main() -> None:
        generators = [failing(), count(ended)]
        for one in generators:
            await anext(one)
        await asyncio.get_running_loop().shutdown_asyncgens()
        assert ended == ["closed"]

    run_simulated(main())
    assert [type(error) for error in run_simulated.failures] == [KeyError]
    run_simulated.network.failures.clear()


# Which loop a reactor has.


def test_a_reactor_has_one_loop_and_each_its_own() -> None:
    one, other = Clock(), Clock()
    assert loop_of(one) is loop_of(one)
    assert loop_of(one) is not loop_of(other)


@pytest.mark.real
def test_an_asyncio_reactor_has_its_real_loop_and_another_the_small_one(drive_each: Any) -> None:
    async def scenario(reactor: Any) -> None:
        loop = loop_of(reactor)
        assert isinstance(loop, ReactorLoop) is not isinstance(reactor, AsyncioSelectorReactor)
        future = asyncio.ensure_future(asyncio.to_thread(asyncio.get_running_loop), loop=loop)
        with pytest.raises(RuntimeError):
            await Deferred.fromFuture(future)
        assert await Deferred.fromFuture(asyncio.ensure_future(running(), loop=loop)) is loop

    async def running() -> object:
        return asyncio.get_running_loop()

    drive_each(scenario)
