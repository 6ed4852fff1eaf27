"""Threads are real, but run one at a time while the clock stands still."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThreadPool
from twisted.python.threadpool import ThreadPool

from netforge.testing import Machine, Network


@pytest.fixture
def machine(network: Network) -> Machine:
    return network.machine("m")


def in_thread(machine: Machine, work: Any, *arguments: Any) -> Deferred[Any]:
    reactor = machine.reactor
    return deferToThreadPool(reactor, reactor.getThreadPool(), work, *arguments)


def test_work_is_done_in_another_thread_and_takes_no_time(network: Network, machine: Machine) -> None:
    async def work() -> str:
        name: str = await in_thread(machine, lambda: threading.current_thread().name)
        return name

    assert network.run_until(work()).startswith("PoolThread")
    assert network.now == 0


def test_a_thread_can_wait_for_the_reactor(network: Network, machine: Machine) -> None:
    def ask() -> object:
        answer: Any = lambda: deferLater(machine.reactor, 5, lambda: "done")  # noqa: E731  typed for any result
        return blockingCallFromThread(machine.reactor, answer)

    async def work() -> list[object]:
        return await gatherResults([in_thread(machine, ask) for _ in range(3)])

    assert network.run_until(work()) == ["done"] * 3
    assert network.now == 5


def test_a_thread_can_sleep_while_the_others_go_on(network: Network, machine: Machine) -> None:
    order: list[int] = []

    def sleep(seconds: int) -> None:
        time.sleep(seconds)
        order.append(seconds)

    async def work() -> None:
        await gatherResults([in_thread(machine, sleep, seconds) for seconds in (30, 10, 20)])

    network.run_until(work())
    assert order == [10, 20, 30]
    assert network.now == 30


def test_queues_events_and_timeouts_work_between_threads(network: Network, machine: Machine) -> None:
    jobs: queue.Queue[int] = queue.Queue(maxsize=1)
    told = threading.Event()

    def produce() -> bool:
        for number in range(5):
            jobs.put(number)
        return told.wait(100)

    def consume() -> list[int]:
        got = [jobs.get() for _ in range(5)]
        with pytest.raises(queue.Empty):
            jobs.get(timeout=7)
        told.set()
        return got

    async def work() -> list[Any]:
        return await gatherResults([in_thread(machine, produce), in_thread(machine, consume)])

    assert network.run_until(work()) == [True, [0, 1, 2, 3, 4]]
    assert network.now == 7


def test_pools_that_a_program_makes_itself_are_simulated_too(network: Network, machine: Machine) -> None:
    async def work() -> list[Any]:
        pool = ThreadPool(1, 2)
        pool.start()
        first = await deferToThreadPool(machine.reactor, pool, lambda: 1)
        pool.stop()
        with ThreadPoolExecutor(2) as executor:
            return [first, *executor.map(lambda number: number + 1, [1, 2, 3])]

    assert network.run_until(work()) == [1, 2, 3, 4]
    assert network.threads.names == []


def test_sqlite_works_there(network: Network, machine: Machine, tmp_path: Path) -> None:
    def count() -> int:
        with sqlite3.connect(tmp_path / "db") as database:
            database.execute("create table if not exists t (x)")
            database.execute("insert into t values (1)")
            [total] = database.execute("select count(*) from t").fetchone()
        database.close()
        return int(total)

    async def work() -> list[Any]:
        return await gatherResults([in_thread(machine, count) for _ in range(5)])

    assert network.run_until(work()) == [1, 2, 3, 4, 5]


def test_a_machine_that_stops_ends_its_threads(network: Network, machine: Machine) -> None:
    network.run_until(in_thread(machine, lambda: None))
    before = threading.active_count()
    machine.reactor.stop()
    network.run(1)
    assert network.threads.names == []
    assert threading.active_count() == before - 1


def test_closing_ends_even_threads_that_wait_for_ever(machine: Machine) -> None:
    before = threading.active_count()
    network = Network(2)
    never = threading.Event()
    network.machine("x").reactor.callLater(0, lambda: threading.Thread(target=never.wait, name="stuck").start())
    network.run(1)
    assert network.threads.names == ["stuck"]
    network.close()
    assert network.threads.names == []
    assert threading.active_count() == before


def test_a_reactor_that_waits_for_threads_that_wait_is_told_so(network: Network, machine: Machine) -> None:
    def wait() -> None:
        thread = threading.Thread(target=threading.Event().wait, name="stuck")
        thread.start()
        thread.join()

    machine.reactor.callLater(1, wait)
    network.run(2)
    [failure] = network.failures
    network.failures.clear()
    assert str(failure.value) == "the reactors wait for threads that wait themselves: stuck"
