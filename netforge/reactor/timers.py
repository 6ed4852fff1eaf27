"""What the reactor calls in time: a heap of calls, and one timer of uvloop's for the first of them."""

from __future__ import annotations

import math
from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.base import DelayedCall
from twisted.logger import Logger

if TYPE_CHECKING:
    from uvloop import Loop

__all__ = ["TimedReactor"]

# Of stale entries: fewer are not worth a sweep.
_LITTER = 50
# Of seconds, after which it looks again.
_LONGEST = 1_000_000

_log = Logger()
_failing = _log.failureHandler("while handling timed call")


class TimedCall(DelayedCall):
    """Twisted's, in less memory.

    :ivar number: of its entry in the heap. What other entries it has are stale.
    """

    __slots__ = (
        "args",
        "called",
        "cancelled",
        "canceller",
        "delayed_time",
        "func",
        "kw",
        "number",
        "resetter",
        "seconds",
        "time",
    )

    number: int


class TimedReactor(AsyncioSelectorReactor):
    """The part of a reactor that provides ``IReactorTime``.

    Calls happen in the order of their times, those of one time in the order in which they were made or brought
    forward, and none before its time.

    Each is in the heap by its time and number. One that is put off stays where it is until it would have been due. One
    that is cancelled or brought forward leaves a stale entry, and those are swept away when they are many: deadlines
    are mostly cancelled.

    :param loop: a uvloop.
    """

    loop: Loop

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self._calls: list[tuple[float, int, TimedCall]] = []
        self._entered = 0
        self._stale = 0
        # Whether it looks for what is due in the next turn, and when it does at the latest.
        self._looking = False
        self._waking = math.inf
        self._timer: TimerHandle | None = None
        # Bound once for all calls.
        self._on_cancel, self._on_advance = self._cancelled, self._advanced
        super().__init__(cast(Any, loop))

    # IReactorTime.

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kw: object) -> DelayedCall:  # noqa: A002  Twisted's name
        if not delay >= 0:
            raise AssertionError(f"expected a delay of 0 seconds or more, not {delay}")
        seconds = self.seconds
        call = TimedCall(seconds() + delay, callable, args, kw, self._on_cancel, self._on_advance, seconds)
        self._enter(call)
        return call

    def getDelayedCalls(self) -> list[DelayedCall]:
        return [call for _, number, call in self._calls if _is_valid(number, call)]

    def _enter(self, call: TimedCall) -> None:
        call.number = self._entered
        self._entered += 1
        heappush(self._calls, (call.time, call.number, call))
        self._wake_by(call.time)

    def _advanced(self, call: DelayedCall) -> None:
        """It was brought forward."""
        self._enter(cast(TimedCall, call))
        self._litter()

    def _cancelled(self, call: DelayedCall) -> None:
        # Twisted says so only after this.
        call.cancelled = 1
        self._litter()

    def _litter(self) -> None:
        """There is one more stale entry."""
        self._stale += 1
        if self._stale > _LITTER and self._stale > len(self._calls) >> 1:
            self._calls[:] = [entry for entry in self._calls if _is_valid(entry[1], entry[2])]
            heapify(self._calls)
            self._stale = 0

    # The loop.

    def runUntilCurrent(self) -> None:
        calls = self._calls
        # What is entered from here on is for the next turn, even if the clock stands still.
        end = (self.seconds(), self._entered)
        while calls and calls[0] < end:
            _, number, call = heappop(calls)
            if not _is_valid(number, call):
                self._stale -= 1
            elif call.delayed_time > 0:
                call.activate_delay()
                heappush(calls, (call.time, number, call))
            else:
                call.called = 1
                with _failing if call.creator is None else _failing_of(call.creator):
                    call.func(*call.args, **call.kw)
        # For whatever else there is to do.
        super().runUntilCurrent()

    def _wake_by(self, time: float) -> None:
        """See to it that the loop looks for what is due at that time."""
        if self._looking or time >= self._waking:
            return
        now = self.seconds()
        if time <= now:
            self._looking = True
            self.loop.call_soon(self._look)
            return
        if self._timer is not None:
            self._timer.cancel()
        self._waking = time
        # uvloop's clock shows whole milliseconds: wait for the first that is not before the time.
        wait = math.ceil(min(time, now + _LONGEST) * 1000) - math.floor(now * 1000)
        self._timer = self.loop.call_later(wait / 1000, self._wake_up)

    def _wake_up(self) -> None:
        self._timer = None
        self._waking = math.inf
        self._look()

    def _look(self) -> None:
        self._looking = False
        self.runUntilCurrent()
        if self._calls:
            self._wake_by(self._calls[0][0])


def _is_valid(number: int, call: TimedCall) -> bool:
    """Whether the call's entry of that number is not stale."""
    return call.number == number and not call.cancelled


def _failing_of(creator: Sequence[str]) -> AbstractContextManager[object]:
    """Says of the call that fails where it was made, which Twisted knows when it is debugged."""
    return _log.failuresHandled("while handling timed call, made here:\n{creator}", creator="".join(creator))
