from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from netforge.protocols.deadlines import Deadline


class Fixture:
    def __init__(self, seconds: float | None = 10.0) -> None:
        self.clock = Clock()
        self.rung: list[float] = []
        self.deadline = Deadline(self.clock, seconds, lambda: self.rung.append(self.clock.seconds()))


def test_expires_once_after_its_time() -> None:
    it = Fixture()
    it.deadline.start()
    it.clock.advance(9.9)
    assert it.rung == []
    it.clock.advance(0.1)
    assert it.rung == [10.0]
    it.clock.advance(100)
    assert it.rung == [10.0]


def test_progress_puts_it_off_without_touching_the_timer() -> None:
    it = Fixture()
    it.deadline.start()
    timer = it.clock.getDelayedCalls()
    it.clock.advance(6)
    it.deadline.progress()
    assert it.clock.getDelayedCalls() == timer
    it.clock.pump([4, 5.5])
    assert it.rung == []
    it.clock.advance(0.5)
    assert it.rung == [16.0]


def test_none_never_expires() -> None:
    it = Fixture(None)
    it.deadline.start()
    it.deadline.progress()
    assert it.clock.getDelayedCalls() == []
    it.deadline.stop()


def test_stop_leaves_no_timer_and_may_be_repeated() -> None:
    it = Fixture()
    it.deadline.stop()
    it.deadline.start()
    it.deadline.stop()
    it.deadline.stop()
    assert it.clock.getDelayedCalls() == []


def test_start_again_waits_afresh_with_one_timer() -> None:
    it = Fixture()
    it.deadline.start()
    it.clock.advance(6)
    it.deadline.start()
    assert len(it.clock.getDelayedCalls()) == 1
    it.clock.pump([9.5, 0.5])
    assert it.rung == [16.0]
    it.deadline.start()
    it.clock.advance(10)
    assert it.rung == [16.0, 26.0]


def test_may_be_stopped_by_what_it_calls() -> None:
    clock = Clock()
    deadline = Deadline(clock, 1, lambda: deadline.stop())  # noqa: PLW0108  # it does not exist yet
    deadline.start()
    clock.advance(1)
    assert clock.getDelayedCalls() == []


@given(st.lists(st.integers(min_value=1, max_value=25), max_size=20))
def test_expires_exactly_its_time_after_the_last_progress(gaps: list[int]) -> None:
    it = Fixture()
    it.deadline.start()
    expected = None
    last = 0
    for gap in gaps:
        for _ in range(gap):
            it.clock.advance(1)
        if gap >= 10:
            expected = last + 10
            break
        it.deadline.progress()
        last += gap
    assert it.rung == ([] if expected is None else [expected])
