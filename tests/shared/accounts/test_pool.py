"""The fair pool of threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from netforge.plugin import AccountsUnavailable
from netforge.shared.accounts.pool import MOST_WAITING, MOST_WAITING_EACH, REST, FairPool
from netforge.testing import Network


class Workshop:
    """A pool of one thread, unless told otherwise."""

    def __init__(self, network: Network, threads: int = 1) -> None:
        reactor: Any = network.machine("server").reactor
        self.network = network
        self.pool = FairPool("test", threads, reactor)
        self.done: list[str] = []
        self.during(self._start)

    async def _start(self) -> None:
        self.pool.start()

    def during(self, work: Callable[[], Any]) -> Any:
        return self.network.run_until(work())

    def order(self, origin: str, name: str) -> Deferred[None]:
        return self.pool.do(origin, lambda: self.done.append(name))


@pytest.fixture
def workshop(network: Network) -> Iterator[Workshop]:
    workshop = Workshop(network)
    yield workshop
    workshop.during(workshop.pool.stop)


def test_results_and_errors_come_back(workshop: Workshop) -> None:
    async def work() -> int:
        with pytest.raises(ZeroDivisionError):
            await workshop.pool.do("a", lambda: 1 // 0)
        return await workshop.pool.do("a", lambda: 6 * 7)

    assert workshop.during(work) == 42


def test_origins_take_turns(workshop: Workshop) -> None:
    async def work() -> None:
        orders = [workshop.order("flood", f"flood{number}") for number in range(20)]
        orders += [workshop.order("ada", "ada1"), workshop.order("ada", "ada2"), workshop.order("bob", "bob1")]
        for order in orders:
            await order

    workshop.during(work)
    assert workshop.done[:6] == ["flood0", "flood1", "ada1", "bob1", "flood2", "ada2"]
    assert len(workshop.done) == 23
    assert workshop.pool.waiting == 0


@pytest.mark.parametrize(("right", "between"), [(False, 1 + REST), (True, 1)])
def test_an_origin_rests_after_a_job_in_vain(workshop: Workshop, network: Network, right: bool, between: float) -> None:
    begun: dict[str, float] = {}

    def job(name: str) -> bool:
        begun[name] = network.now
        time.sleep(1)
        return right

    async def work() -> None:
        orders = [workshop.pool.do("flood", partial(job, f"flood{number}")) for number in range(3)]
        for order in orders:
            await order
        await workshop.pool.do("ada", partial(job, "ada"))

    start = network.now
    workshop.during(work)
    # Nobody else waits for its rest.
    expected = {"flood0": 0, "flood1": between, "flood2": 2 * between, "ada": 2 * between + 1}
    assert {name: round(moment - start) for name, moment in begun.items()} == expected


def test_nobody_has_all_threads(network: Network) -> None:
    workshop = Workshop(network, threads=2)
    at_once: list[int] = []
    running: list[str] = []

    def work(name: str) -> None:
        running.append(name)
        at_once.append(len(running))
        time.sleep(1)
        running.remove(name)
        workshop.done.append(name)

    async def both() -> None:
        orders = [workshop.pool.do("flood", partial(work, f"flood{number}")) for number in range(4)]
        await deferLater(workshop.pool._reactor, 0.5)
        began = network.now
        await workshop.pool.do("ada", partial(work, "ada"))
        assert network.now - began == pytest.approx(1)
        for order in orders:
            await order
        await workshop.pool.stop()

    workshop.during(both)
    assert workshop.done[:2] == ["flood0", "ada"]
    assert max(at_once) == 2


def test_each_origin_and_all_together_are_bounded(workshop: Workshop) -> None:
    async def work() -> tuple[list[int], int]:
        taken = []
        refused = 0
        kept = []
        for origin in "abcdef":
            before = workshop.pool.waiting
            for _ in range(MOST_WAITING_EACH + 10):
                order = workshop.order(origin, origin)
                if order.called:
                    order.addErrback(lambda failure: failure.trap(AccountsUnavailable))
                    refused += 1
                else:
                    kept.append(order)
            taken.append(workshop.pool.waiting - before)
        for order in kept:
            await order
        return taken, refused

    taken, refused = workshop.during(work)
    assert taken == [50, 50, 50, 50, 0, 0]
    assert refused == 6 * 60 - MOST_WAITING - 1
    assert len(workshop.done) == MOST_WAITING + 1


def test_what_is_cancelled_in_the_queue_is_never_done(workshop: Workshop) -> None:
    async def work() -> None:
        first, second, third = (workshop.order("a", name) for name in ("first", "second", "third"))
        second.cancel()
        second.addErrback(lambda failure: failure.trap(CancelledError))
        first.cancel()
        first.addErrback(lambda failure: failure.trap(CancelledError))
        await third

    workshop.during(work)
    assert workshop.done == ["first", "third"]


def test_a_stop_waits_for_what_is_under_way_and_fails_the_rest(network: Network) -> None:
    workshop = Workshop(network)
    failed: list[Any] = []

    async def work() -> None:
        workshop.order("a", "under way")
        workshop.order("a", "waiting").addErrback(failed.append)
        await workshop.pool.stop()
        workshop.order("a", "late").addErrback(failed.append)

    workshop.during(work)
    assert workshop.done == ["under way"]
    assert [failure.type for failure in failed] == [AccountsUnavailable] * 2
