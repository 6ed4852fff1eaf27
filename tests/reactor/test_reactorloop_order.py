"""The small loop calls everything in the order in which asyncio's own does, whatever the program."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, BaseEventLoop
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from zope.interface import implementer

from netforge.reactor.anyloop import loop_of

FUTURES = 3

CALLS = [
    *("soon", "cancelled soon", "threadsafe", "later", "cancelled later", "task"),
    *("when done", "settle", "cancel", "fail"),
]
WAITS = ["yield", "sleep", "wait"]
TIMED = ["later", "cancelled later", "sleep", "wait"]


@dataclass
class Step:
    """A step of a program.

    :ivar name: what is done.
    :ivar which: with which future or task.
    :ivar inner: the program that it calls.
    :ivar number: says which step it is.
    :ivar delay: seconds. Of sums of powers of two no two are the same: asyncio leaves open which of two timers of one
        time goes first.
    """

    name: str
    which: int
    inner: list[Step]
    number: int = 0
    delay: int = 0


def _programs(inner: st.SearchStrategy[list[Step]]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.builds(Step, st.sampled_from(CALLS + WAITS), st.integers(0, FUTURES - 1), inner), max_size=6)


def _steps(program: list[Step]) -> list[Step]:
    return [one for step in program for one in (step, *_steps(step.inner))]


def _timed(program: list[Step]) -> list[Step]:
    return [step for step in _steps(program) if step.name in TIMED]


def numbered(program: list[Step]) -> list[Step]:
    """Number the steps, and give those that wait a time of their own, and its double."""
    for number, step in enumerate(_steps(program)):
        step.number = number
    for number, step in enumerate(_timed(program)):
        step.delay = 4**number
    return program


# So few that floats tell all times apart.
PROGRAMS = st.recursive(st.builds(list[Step]), _programs, max_leaves=40).filter(lambda one: len(_timed(one)) < 25)


@dataclass
class Performance:
    """Runs a program, and writes down what happens and when. What cannot be done is passed over."""

    loop: AbstractEventLoop
    happened: list[tuple[float, object]] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.futures = [self.loop.create_future() for _ in range(FUTURES)]
        self.loop.set_exception_handler(lambda loop, context: self._note(type(context["exception"])))

    def call(self, program: list[Step]) -> None:
        for step in program:
            self._take(step)

    async def perform(self, program: list[Step]) -> None:
        for step in program:
            try:
                await self._wait(step)
            except asyncio.CancelledError:
                self._note("cancelled")
            self._take(step)

    async def _wait(self, step: Step) -> None:
        match step.name:
            case "yield":
                await asyncio.sleep(0)
            case "sleep":
                await asyncio.sleep(step.delay)
            case "wait":
                await asyncio.wait([self.futures[step.which]], timeout=step.delay)

    def _take(self, step: Step) -> None:
        self._note(step.number)
        match step.name:
            case "soon":
                self.loop.call_soon(self.call, step.inner)
            case "cancelled soon":
                self.loop.call_soon(self.call, step.inner).cancel()
            case "threadsafe":
                self.loop.call_soon_threadsafe(self.call, step.inner)
            case "later":
                self.loop.call_later(step.delay, self.call, step.inner)
            case "cancelled later":
                timer = self.loop.call_later(step.delay * 2, self.call, step.inner)
                self.loop.call_later(step.delay, timer.cancel)
            case "task":
                self.tasks.append(self.loop.create_task(self.perform(step.inner)))
            case "when done":
                self.futures[step.which].add_done_callback(lambda _: self.call(step.inner))
            case "settle" if not self.futures[step.which].done():
                self.futures[step.which].set_result(None)
            case "cancel" if step.which < len(self.tasks):
                self.tasks[step.which].cancel()
            case "fail":
                self.loop.call_soon(lambda: 1 / 0)

    def _note(self, what: object) -> None:
        self.happened.append((self.loop.time(), what))


class Reference(BaseEventLoop):
    """asyncio's own loop, on a clock that jumps to the next timer, until nothing is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._clock_resolution = 1
        self._now = 0

    def time(self) -> int:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            self.stop()
        elif timeout > 0:
            self._now = self._scheduled[0].when()  # type: ignore[attr-defined]  # it is private
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """It never sleeps."""


@implementer(IReactorFromThreads)
class Reactor(Clock):
    """A clock that jumps, too."""

    def callFromThread(self, callable: Callable[..., object], *args: object, **kwargs: object) -> None:  # noqa: A002, N802
        self.callLater(0, callable, *args, **kwargs)

    def run(self) -> None:
        while calls := self.getDelayedCalls():
            self.advance(max(0, min(call.getTime() for call in calls) - self.seconds()))


def performed(loop: AbstractEventLoop, run: Callable[[], object], program: list[Step]) -> list[tuple[float, object]]:
    performance = Performance(loop)
    performance.call(program)
    run()
    for future in performance.futures:
        future.cancel()
    run()
    return performance.happened


@given(PROGRAMS.map(numbered))
def test_everything_happens_in_the_same_order_and_at_the_same_time(program: list[Step]) -> None:
    reference, reactor = Reference(), Reactor()
    expected = performed(reference, reference.run_forever, program)
    reference.close()
    assert performed(loop_of(reactor), reactor.run, program) == expected
