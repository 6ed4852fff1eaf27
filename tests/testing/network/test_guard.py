"""What would make two runs differ is refused, and the culprit named."""

# ruff: noqa: PLW0108  the lambda is what is to blame

from __future__ import annotations

import datetime
import os
import random
import secrets
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime as captured_datetime
from random import Random
from time import time as captured_time
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, globalLogPublisher
from twisted.protocols.policies import TimeoutMixin

from netforge.testing import Machine, Network, NotSimulated

FORBIDDEN: dict[str, Callable[[], object]] = {
    "time.time() reads the wall clock": lambda: time.time(),
    "time.monotonic() reads the wall clock": lambda: time.monotonic(),
    "time.perf_counter_ns() reads the wall clock": lambda: time.perf_counter_ns(),
    "time.localtime() reads the wall clock": lambda: time.localtime(),
    "time.sleep() stops the reactor": lambda: time.sleep(0),
    "datetime.now() reads the wall clock": lambda: datetime.datetime.now(datetime.UTC),
    "random.random() is not seeded": lambda: random.random(),
    "random.shuffle() is not seeded": lambda: random.shuffle([1, 2, 3]),
    "random.Random() is not seeded": lambda: random.Random(),
    "os.urandom() is not seeded": lambda: os.urandom(8),
    "the global reactor is not on the simulated network": lambda: deferToThread(print),
}
ELSEWHERE: list[Callable[[], object]] = [
    lambda: captured_time(),
    lambda: captured_datetime.now(datetime.UTC),
    lambda: Random(),
    lambda: uuid.uuid4(),
    lambda: secrets.token_hex(),
    lambda: datetime.date.today(),
    lambda: LoopingCall(print).start(1),
    lambda: TimeoutMixin().setTimeout(1),
]


@pytest.fixture
def quiet(network: Network) -> Any:
    """Does something on a machine that will be logged as a failure."""

    def do(call: Callable[[], object]) -> None:
        machine = network.machine("m")
        machine.reactor.callLater(1, lambda: call())
        try:
            network.run(2)
        finally:
            network.failures.clear()

    return do


@pytest.mark.parametrize("what", FORBIDDEN)
def test_it_says_what_was_used_where_and_what_to_use_instead(quiet: Any, what: str) -> None:
    call = FORBIDDEN[what]
    with pytest.raises(NotSimulated) as caught:
        quiet(call)
    where, _, message = str(caught.value).partition(", in <lambda>: ")
    assert where == f"{__file__}:{call.__code__.co_firstlineno}"
    assert message.startswith(f"{what}; ")


@pytest.mark.parametrize("call", ELSEWHERE)
def test_it_sees_through_names_that_were_imported_and_modules_that_pass_on(
    quiet: Any, call: Callable[[], object]
) -> None:
    with pytest.raises(NotSimulated, match=rf"test_guard.py:{call.__code__.co_firstlineno}, in <lambda>"):
        quiet(call)


def test_code_that_catches_the_error_does_not_hide_it(quiet: Any) -> None:
    def swallow() -> None:
        with suppress(RuntimeError):
            time.time()

    with pytest.raises(NotSimulated, match=r"in .*swallow: time\.time"):
        quiet(swallow)


def test_what_is_seeded_or_given_is_allowed(quiet: Any) -> None:
    def calculate() -> None:
        assert Random(7).random() == random.Random(7).random()
        assert isinstance(Random(7), random.Random)
        assert isinstance(captured_datetime(2026, 1, 1), datetime.datetime)
        assert time.gmtime(0).tm_year == 1970
        assert time.strftime("%Y", time.gmtime(0)) == "1970"

    quiet(calculate)


def test_libraries_get_virtual_time_and_seeded_chance(network: Network) -> None:
    events: list[LogEvent] = []
    machine = network.machine("m")

    def log() -> None:
        from twisted.logger import Logger

        Logger().info("hello")

    globalLogPublisher.addObserver(events.append)  # type: ignore[arg-type]  # an observer is any function
    machine.reactor.callLater(5, log)
    network.run(10)
    globalLogPublisher.removeObserver(events.append)  # type: ignore[arg-type]
    [event] = [event for event in events if event.get("log_format") == "hello"]
    assert event["log_time"] == machine.reactor.seconds() - 5


def test_outside_of_the_run_everything_is_as_it_was(network: Network) -> None:
    network.machine("m")
    before = (time.time, random.random, os.urandom, sys.modules.get("twisted.internet.reactor"))
    network.run(1)
    assert (time.time, random.random, os.urandom, sys.modules.get("twisted.internet.reactor")) == before
    assert abs(time.time() - captured_time()) < 60
    assert time.time() != network.schedule.now


def test_the_global_reactor_can_stand_for_that_of_the_machine_that_runs() -> None:
    with Network(1, global_reactor=True) as network:
        results: dict[str, object] = {}
        for name in ("a", "b"):
            machine = network.machine(name)

            def work(machine: Machine = machine) -> None:
                deferToThread(lambda: 5).addCallback(lambda _: results.setdefault(machine.name, network.running))
                LoopingCall(print).start(1, now=False).addErrback(lambda _: None)

            machine.reactor.callLater(1, work)
        network.run(2)
        assert results == {"a": network.machine("a"), "b": network.machine("b")}
        assert [len(network.machine(name).reactor.getDelayedCalls()) for name in "ab"] == [1, 1]


def test_two_networks_cannot_run_at_once(network: Network) -> None:
    machine = network.machine("m")
    errors: list[BaseException] = []

    def nested() -> None:
        for run in (network.run, Network(2).run):
            try:
                run(1)
            except RuntimeError as error:
                errors.append(error)

    machine.reactor.callLater(1, nested)
    network.run(2)
    assert [str(error) for error in errors] == [
        "the network runs already; what happens on it cannot run it",
        "another network is running",
    ]


def test_an_uploading_library_gets_turns_of_the_machine_that_runs(network: Network) -> None:
    from twisted.internet.task import cooperate

    done: list[Deferred[Any]] = []
    network.machine("m").reactor.callLater(1, lambda: done.append(cooperate(iter([None, None])).whenDone()))
    network.run(2)
    assert done[0].called
