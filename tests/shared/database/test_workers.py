"""A few threads with a queue before them, on the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, current_thread
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from netforge.plugin import DatabaseBusy, DatabaseUnavailable
from netforge.shared.database.workers import MOST_WAITING, Workers
from netforge.testing import Network

PATIENCE = 10.0


class Workshop:
    """Two workers, and what they have done.

    :ivar done: the jobs that were done, in their order.
    :ivar doors: for jobs that wait: opened, they end.
    """

    def __init__(self, network: Network) -> None:
        reactor: Any = network.machine("server").reactor
        self.workers = Workers("work", 2, reactor, PATIENCE)
        self.done: list[Any] = []
        self.doors: dict[Any, Event] = {}
        self._network = network
        self.call(self.workers.start)

    def call(self, function: Callable[[], Any]) -> Any:
        """Call something in the reactor's thread."""

        async def calling() -> list[Any]:
            return [function()]

        [result] = self._network.run_until(calling())
        return result

    def stop(self) -> Deferred[None]:
        """Begin to stop."""
        stopping: Deferred[None] = self.call(lambda: Deferred.fromCoroutine(self.workers.stop(last=self._last)))
        return stopping

    def _last(self) -> None:
        self.done.append(current_thread().name)

    def begin(self, name: Any, *, waits: bool = True) -> Deferred[Any]:
        """Give a job. It returns its name."""
        door = self.doors[name] = Event()
        if not waits:
            door.set()

        def job() -> Any:
            door.wait()
            self.done.append(name)
            return name

        given: Deferred[Any] = self.call(lambda: self.workers.do(job))
        return given

    def open(self, *names: Any) -> None:
        """Let jobs end, one after the other."""
        for name in names:
            self.doors[name].set()
            self.wait(0)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._network.run(seconds)

    def result(self, deferred: Deferred[Any]) -> Any:
        """What came of a job, within no time."""

        async def waiting() -> Any:
            return await deferred

        return self._network.run_until(waiting(), 0.001)


@pytest.fixture
def workshop(network: Network) -> Iterator[Workshop]:
    made = Workshop(network)
    yield made
    for door in made.doors.values():
        door.set()
    made.result(made.stop())


def test_so_many_work_at_once_and_the_others_come_in_their_order(workshop: Workshop) -> None:
    given = [workshop.begin(name) for name in "abcd"]
    assert (workshop.workers.busy, workshop.workers.waiting) == (2, 2)
    workshop.open("d", "c", "b")
    assert workshop.done == ["b", "c", "d"]
    workshop.open("a")
    assert [workshop.result(one) for one in given] == ["a", "b", "c", "d"]
    assert (workshop.workers.busy, workshop.workers.waiting) == (0, 0)
    workshop.wait(2 * PATIENCE)


def test_who_waits_too_long_is_told_and_never_served(workshop: Workshop) -> None:
    for name in "ab":
        workshop.begin(name)
    late = workshop.begin("late", waits=False)
    workshop.wait(PATIENCE - 0.01)
    in_time = workshop.begin("in time", waits=False)
    workshop.wait(0.02)
    with pytest.raises(DatabaseBusy, match="no connection was free within 10 s"):
        workshop.result(late)
    workshop.open("a", "b")
    assert workshop.result(in_time) == "in time"
    assert workshop.done == ["a", "in time", "b"]


def test_only_so_many_may_wait(workshop: Workshop) -> None:
    for number in range(2 + MOST_WAITING):
        workshop.begin(number, waits=number < 2)
    with pytest.raises(DatabaseBusy, match="1000 others wait already"):
        workshop.result(workshop.begin("one too many"))
    workshop.open(0, 1)
    assert len(workshop.done) == 2 + MOST_WAITING


def test_who_is_cancelled_while_waiting_is_never_served(workshop: Workshop) -> None:
    for name in "abcd":
        given = workshop.begin(name)
        if name == "c":
            workshop.call(given.cancel)
            with pytest.raises(CancelledError):
                workshop.result(given)
    workshop.open("c", "a", "b", "d")
    assert workshop.done == ["a", "b", "d"]


def test_who_is_cancelled_at_work_goes_on_unheard(workshop: Workshop) -> None:
    given = workshop.begin("a")
    workshop.call(given.cancel)
    with pytest.raises(CancelledError):
        workshop.result(given)
    assert workshop.workers.busy == 1
    stopping = workshop.stop()
    workshop.open("a")
    workshop.result(stopping)
    assert (workshop.done[0], workshop.workers.busy) == ("a", 0)
    workshop.call(workshop.workers.start)


def test_what_a_job_raises_comes_back(workshop: Workshop) -> None:
    given = workshop.call(lambda: workshop.workers.do(raise_key_error))
    with pytest.raises(KeyError, match="no"):
        workshop.result(given)
    assert workshop.result(workshop.begin("a", waits=False)) == "a"


def test_a_stop_takes_nothing_more_and_does_what_was_taken(workshop: Workshop) -> None:
    for name in "abc":
        workshop.begin(name)
    stopping = workshop.stop()
    with pytest.raises(DatabaseUnavailable, match="stopped"):
        workshop.result(workshop.begin("d", waits=False))
    workshop.open("a", "b")
    assert not stopping.called
    workshop.open("c")
    workshop.result(stopping)
    *jobs, thread = workshop.done
    assert jobs == ["a", "b", "c"]
    assert thread.startswith("PoolThread-work-")
    workshop.call(workshop.workers.start)
    assert workshop.result(workshop.begin("e", waits=False)) == "e"


def test_a_stop_can_be_given_up(workshop: Workshop) -> None:
    workshop.begin("a")
    stopping = workshop.stop()
    workshop.call(stopping.cancel)
    with pytest.raises(CancelledError):
        workshop.result(stopping)
    workshop.open("a")
    assert workshop.done == ["a"]


def raise_key_error() -> None:
    raise KeyError("no")
