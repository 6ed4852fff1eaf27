"""What Twisted promises, in asyncio's tasks."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred

from netforge.protocols.http import Exchange

__all__ = ["Upload", "wait_for"]

T = TypeVar("T")


async def wait_for(promise: Deferred[T], loop: AbstractEventLoop) -> T:
    """The result of a Deferred, in a task of that loop; at once, if it is there."""
    if promise.called and not promise.paused:
        return await promise
    result: T = await promise.asFuture(loop)
    return result


class Upload:
    """The body of a request, while there is a client and a response to wait for.

    :param exchange: the request.
    :param loop: of the tasks that read.
    """

    __slots__ = ("_exchange", "_loop", "_reading", "_watching")

    def __init__(self, exchange: Exchange, loop: AbstractEventLoop) -> None:
        self._exchange = exchange
        self._loop = loop
        self._reading: Deferred[bytes] | None = None
        self._watching = False

    async def piece(self) -> bytes | None:
        """The next piece; empty at the end, and ``None`` if client or response have ended before that.

        :raises RuntimeError: if the last piece has not come yet.
        """
        if self._exchange.complete:
            return None
        reading = self._exchange.read()
        if not (reading.called or self._watching):
            self._watching = True
            self._exchange.when_done(self._ended)
        self._reading = reading
        try:
            return await wait_for(reading, self._loop)
        except (CancelledError, ConnectionError):
            return None
        finally:
            self._reading = None

    def _ended(self, _: Exchange) -> None:
        if self._reading is not None:
            self._reading.cancel()
