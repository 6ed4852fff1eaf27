"""What may wait for a disk waits in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool

__all__ = ["in_thread"]

_Result = TypeVar("_Result")


async def in_thread(clock: object, call: Callable[..., _Result], *arguments: object) -> _Result:
    """Call something, in a thread if the clock is a reactor that has any."""
    if not IReactorThreads.providedBy(clock):
        return call(*arguments)
    reactor: Any = clock
    result: _Result = await deferToThreadPool(reactor, reactor.getThreadPool(), call, *arguments)
    return result
