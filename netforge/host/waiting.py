"""Waiting for what may be a value, a Deferred, a coroutine or an asyncio future, and no longer than a deadline."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

__all__ = ["settled", "within"]


async def settled(value: Any) -> Any:
    """The value itself, or what it becomes."""
    if asyncio.isfuture(value):
        return await Deferred.fromFuture(value)
    if inspect.isawaitable(value):
        return await value
    return value


def within(seconds: float, clock: IReactorTime, value: Any) -> Deferred[Any]:
    """Wait for a value at most so many seconds, then cancel it.

    :raises TimeoutError: through the Deferred, when the time is up.
    """

    def give_up(_: object, seconds: float) -> Failure:
        return Failure(TimeoutError(f"it took more than {seconds:g} s"))

    return Deferred.fromCoroutine(settled(value)).addTimeout(seconds, clock, give_up)
