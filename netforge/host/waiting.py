"""Waiting for what may be a value, a Deferred, a coroutine or an asyncio future, and no longer than a deadline."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

__all__ = ["settled", "within"]


async def settled(value: Any) -> Any:
    """The value itself, or what it becomes."""
    if asyncio.isfuture(value):
        try:
            return await Deferred.fromFuture(value)
        except asyncio.CancelledError as error:
            # asyncio's is no Exception, so whoever undoes things after one would miss it.
            raise CancelledError from error
    if inspect.isawaitable(value):
        return await value
    return value


def within(seconds: float, clock: IReactorTime, value: Any) -> Deferred[Any]:
    """Wait for a value at most so many seconds, then cancel it. One that ignores that is left to itself.

    :raises TimeoutError: through the Deferred, when the time is up.
    """
    working = Deferred.fromCoroutine(settled(value))
    waiting: Deferred[Any] = Deferred(lambda _: working.cancel())

    def give_up() -> None:
        waiting.errback(TimeoutError(f"it took more than {seconds:g} s"))
        working.cancel()

    def done(result: Any) -> None:
        if not waiting.called:
            waiting.callback(result)

    def forget_the_time(result: Any) -> Any:
        if call.active():
            call.cancel()
        return result

    call = clock.callLater(seconds, give_up)
    waiting.addBoth(forget_the_time)
    working.addBoth(done)
    return waiting
