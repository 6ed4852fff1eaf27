"""The reactor's timed calls, on a loop whose clock the tests turn."""

from __future__ import annotations

import gc
import math
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule
from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall
from zope.interface.verify import verifyObject

from netforge.reactor.timers import TimedReactor


class LoopTimer:
    def __init__(self, due: int, call: Callable[[], None]) -> None:
        self.due = due
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """As uvloop, it counts whole milliseconds.

    :ivar now: what the time is, in microseconds.
    :ivar soon: what is to be called in the next turn.
    """

    def __init__(self) -> None:
        self.now = 5_000_700
        self.soon: list[Callable[[], None]] = []
        self._timers: list[LoopTimer] = []

    def add_reader(self, *args: object) -> None:
        """The reactor's wake-up descriptor."""

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def call_later(self, delay: float, call: Callable[[], None]) -> LoopTimer:
        self._timers.append(LoopTimer(self.now // 1000 + round(delay * 1000), call))
        return self._timers[-1]

    def turn(self) -> None:
        soon, self.soon = self.soon, []
        due = [timer.call for timer in self.timers if timer.due * 1000 <= self.now]
        self._timers = [timer for timer in self.timers if timer.due * 1000 > self.now]
        for call in (*due, *soon):
            call()

    @property
    def timers(self) -> list[LoopTimer]:
        return [timer for timer in self._timers if not timer.cancelled]


class Reactor(TimedReactor):
    """A reactor whose clock is its loop's, but counts microseconds."""

    def __init__(self) -> None:
        self.clock = Loop()
        super().__init__(self.clock)  # type: ignore[arg-type]  # it has what is needed here

    def seconds(self) -> float:
        return self.clock.now / 1_000_000

    def advance(self, microseconds: int) -> None:
        """Let time pass, by the microsecond where something happens, and turn until nothing is left to do."""
        end = self.clock.now + microseconds
        while True:
            self.clock.turn()
            if not self.clock.soon:
                if self.clock.now == end:
                    return
                self.clock.now = min([end, *(max(one.due * 1000, self.clock.now) for one in self.clock.timers)])

    def close(self) -> None:
        for reader in list(self._internalReaders):
            reader.connectionLost(None)


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


def test_calls_of_one_time_happen_in_the_order_in_which_they_were_made(reactor: Reactor) -> None:
    called: list[int] = []
    for number in range(20):
        reactor.callLater(1, called.append, number)
    reactor.advance(1_001_000)
    assert called == list(range(20))


@pytest.mark.parametrize("delay", [1, 300, 301, 999, 1000, 1300, 1301, 60_000_001])
def test_a_call_happens_within_a_millisecond_after_its_time_and_not_before(reactor: Reactor, delay: int) -> None:
    called: list[float] = []
    call = reactor.callLater(delay / 1_000_000, lambda: called.append(reactor.seconds()))
    reactor.advance(delay + 1000)
    assert 0 <= called[0] - call.getTime() < 0.001


def test_a_wake_up_that_comes_early_calls_nobody(reactor: Reactor) -> None:
    called: list[str] = []
    reactor.callLater(0.01, called.append, "called")
    [timer] = reactor.clock.timers
    timer.cancel()
    timer.call()
    assert called == []
    reactor.advance(11_000)
    assert called == ["called"]


def test_any_number_of_calls_takes_one_timer_of_the_loop(reactor: Reactor) -> None:
    for delay in (5, 7, 3, 9, 3):
        reactor.callLater(delay, print)
        assert len(reactor.clock.timers) == 1


def test_the_loop_is_not_woken_for_calls_without_delay_one_by_one(reactor: Reactor) -> None:
    called: list[int] = []
    for number in range(3):
        reactor.callLater(0, called.append, number)
    assert len(reactor.clock.soon) == 1
    reactor.clock.turn()
    assert called == [0, 1, 2]
    assert not reactor.clock.soon


def test_a_call_that_is_made_meanwhile_waits_for_the_next_turn(reactor: Reactor) -> None:
    called: list[str] = []

    def call() -> None:
        called.append("first")
        reactor.callLater(0, called.append, "second")

    reactor.callLater(0, call)
    reactor.clock.turn()
    assert called == ["first"]
    reactor.clock.turn()
    assert called == ["first", "second"]


def test_a_call_that_another_cancels_does_not_happen(reactor: Reactor) -> None:
    called: list[str] = []

    def cancel() -> None:
        second.cancel()

    reactor.callLater(1, cancel)
    second = reactor.callLater(1, called.append, "second")
    reactor.callLater(1, called.append, "third")
    reactor.advance(1_001_000)
    assert called == ["third"]


def test_what_was_cancelled_or_brought_forward_is_forgotten_before_its_time(reactor: Reactor) -> None:
    kept = reactor.callLater(1000, print)
    calls = [reactor.callLater(600, print) for _ in range(500)]
    for call in calls:
        call.reset(300)
    references = [weakref.ref(call) for call in calls]
    for call in calls:
        call.cancel()
    del call, calls
    gc.collect()
    assert sum(reference() is not None for reference in references) <= 51
    assert reactor.getDelayedCalls() == [kept]


def test_the_others_happen_in_order_when_many_are_cancelled(reactor: Reactor) -> None:
    called: list[int] = []
    calls = [reactor.callLater(number * 7 % 500 / 1000, called.append, number * 7 % 500) for number in range(500)]
    for number, call in enumerate(calls):
        if number % 4:
            call.cancel()
    reactor.advance(600_000)
    assert called == sorted(number * 7 % 500 for number in range(0, 500, 4))


@pytest.mark.parametrize("delay", [sys.float_info.max, math.inf])
def test_a_call_without_end(reactor: Reactor, delay: float) -> None:
    called: list[str] = []
    reactor.callLater(delay, called.append, "never")
    reactor.callLater(10_000_000, called.append, "in a hundred days")
    reactor.advance(10_000_000_001_000)
    assert called == ["in a hundred days"]


@pytest.mark.parametrize("delay", [-1, -1e-9, math.nan])
def test_a_delay_that_is_none_is_refused(reactor: Reactor, delay: float) -> None:
    with pytest.raises(AssertionError, match="expected a delay of 0 seconds or more"):
        reactor.callLater(delay, print)


def test_a_call_is_what_its_interface_says(reactor: Reactor) -> None:
    call = reactor.callLater(2.5, print, 1, end="")
    assert verifyObject(IDelayedCall, call)
    assert "print(1, end='')" in repr(call)
    assert "[2.5s] called=0 cancelled=0" in repr(call)


def test_a_call_that_fails_says_where_it_was_made_when_twisted_is_debugged(
    reactor: Reactor, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DelayedCall, "debug", True)
    called: list[str] = []
    reactor.callLater(0, lambda: 1 / 0)
    reactor.callLater(0, called.append, "next")
    reactor.clock.turn()
    [event] = events
    assert event["log_failure"].check(ZeroDivisionError)
    assert "test_timers.py" in event["creator"]
    assert called == ["next"]


class Calls(RuleBasedStateMachine):
    """Makes, moves and cancels calls, and lets time pass, by whole milliseconds: many have the same time."""

    made = Bundle("made")
    delays = st.integers(0, 6)

    def __init__(self) -> None:
        super().__init__()
        self.reactor = Reactor()
        self.waiting: list[Any] = []
        self.called: list[Any] = []

    @rule(target=made, delay=delays)
    def make(self, delay: int) -> Any:
        call: Any = self.reactor.callLater(delay / 1000, lambda: self.called.append(call))
        self.waiting.append(call)
        return call

    @rule(call=made, delay=delays)
    def reset(self, call: Any, delay: int) -> None:
        if call.active():
            call.reset(delay / 1000)

    @rule(call=made, delay=st.integers(-3, 6))
    def delay(self, call: Any, delay: int) -> None:
        if call.active():
            call.delay(delay / 1000)

    @rule(call=consumes(made))
    def cancel(self, call: Any) -> None:
        if call.active():
            call.cancel()
            self.waiting.remove(call)

    @rule(milliseconds=delays)
    def pass_time(self, milliseconds: int) -> None:
        end = self.reactor.seconds() + milliseconds / 1000
        times = {call: call.getTime() for call in self.waiting}
        self.reactor.advance(milliseconds * 1000)
        # A wake-up may be less than a millisecond late, and floats are not exact.
        must = {call for call, time in times.items() if time <= end - 0.001}
        may = {call for call, time in times.items() if time <= end + 1e-9}
        assert must <= set(self.called) <= may
        assert len(set(self.called)) == len(self.called)
        in_order = [times[call] for call in self.called]
        assert in_order == sorted(in_order)
        self.waiting = [call for call in self.waiting if call not in self.called]
        self.called.clear()
        assert {*self.reactor.getDelayedCalls()} == {*self.waiting}
        assert len(self.reactor.getDelayedCalls()) == len(self.waiting)

    def teardown(self) -> None:
        self.reactor.close()


TestCalls = Calls.TestCase
