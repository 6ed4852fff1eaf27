"""The body of a request, as a file that a thread reads while it comes."""

from __future__ import annotations

import io
from threading import Condition
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netforge.protocols.http import Exchange, HTTPError
from netforge.services.web.wsgi.crossing import Cross

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["AHEAD", "Body"]

#: Bytes that are read before a thread asks for them.
AHEAD = 64 * 1024


class Body(io.RawIOBase):
    """What is left of a body. Reading waits for the client.

    The reactor's side keeps at most 64 KiB and a piece here; beyond that, the client waits.

    :param exchange: whose body it is.
    :param cross: has the reactor make a call.
    :param begun: what has been read of it before.
    """

    def __init__(self, exchange: Exchange, cross: Cross, begun: bytes) -> None:
        self._exchange = exchange
        self._cross = cross
        self._current = memoryview(begun)
        self._reading = False
        self._changed = Condition()
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False
        self._error: ConnectionError | None = None
        # Fires when there is room for more.
        self._room: Deferred[None] | None = None

    # What the application does, in its thread.

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._current:
            self._current = memoryview(self._next())
        into = memoryview(buffer).cast("B")
        size = min(len(into), len(self._current))
        into[:size] = self._current[:size]
        self._current = self._current[size:]
        return size

    def _next(self) -> bytes:
        """All that has come, or will come first; nothing at the end.

        :raises ConnectionError: if the client goes away before the end, or has sent too much.
        """
        if not self._reading:
            self._reading = True
            self._cross(self._begin)
        with self._changed:
            while not self._pieces and not self._ended:
                self._changed.wait()
            come, full = b"".join(self._pieces), self._size >= AHEAD
            self._pieces.clear()
            self._size = 0
        if full:
            self._cross(self._go_on)
        if not come and self._error is not None:
            raise self._error
        return come

    # What the reactor does.

    def _begin(self) -> None:
        self._exchange.when_done(self._answered)
        Deferred.fromCoroutine(self._read())

    async def _read(self) -> None:
        try:
            while piece := await self._exchange.read():
                with self._changed:
                    self._pieces.append(piece)
                    self._size += len(piece)
                    self._changed.notify()
                if self._size >= AHEAD:
                    self._room = Deferred()
                    await self._room
        except ConnectionError as error:
            self._end(error)
        except HTTPError as error:
            self._end(ConnectionAbortedError(error.message))
            self._exchange.fail(Failure())
        else:
            self._end()

    def _answered(self, _: Exchange) -> None:
        """Somebody has answered, as at a deadline, and the rest is of no interest: no thread may wait for it."""
        self._end(ConnectionAbortedError("the request has been answered"))

    def _end(self, error: ConnectionError | None = None) -> None:
        with self._changed:
            if not self._ended:
                self._error = error
                self._ended = True
                self._changed.notify()

    def _go_on(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)
