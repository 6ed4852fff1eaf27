"""Sending what may be too large for memory: a piece at a time, as the client takes it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence

from netforge.protocols.http import Exchange
from netforge.services.web.static.opened import Opened
from netforge.services.web.static.ranges import Span

__all__ = ["Sender"]

#: Of a file, at once. Twice as much would not stay in the processor's cache on its way to the socket.
PIECE = 256 * 1024
#: What the system sends of a file by itself, at once.
WINDOW = 4 * 1024 * 1024
#: How far from each other it is looked whether the system has a file in memory; if not, a thread reads as much. What is
#: missing in between all the same, the reactor waits for.
PROBED = 512 * 1024
#: Reads only what the system has in memory: absent from some systems, and not for every file system.
_AT_ONCE = getattr(os, "RWF_NOWAIT", None)


class Sender:
    """Sends files.

    What the system has in memory, as nearly all of a file that is asked for often, is read at once, or by HTTP/1.1 in
    the clear sent by the system itself (``sendfile``). For the rest a thread waits, not the reactor.

    :param run: makes a call in a thread.
    """

    def __init__(self, run: Callable[[Callable[[int, int, int], bytes], int, int, int], Awaitable[bytes]]) -> None:
        self._run = run
        self._room = memoryview(bytearray(PIECE))

    async def send(self, exchange: Exchange, pieces: Sequence[bytes | Span], file: Opened) -> None:
        """Send a body, unless the client goes away.

        :param pieces: bytes, and parts of the file.
        :raises EOFError: if the file is shorter than it was.
        :raises OSError: if it cannot be read.
        """
        for piece in pieces:
            if isinstance(piece, bytes):
                exchange.write(piece)
                continue
            start, stop = piece
            while start < stop:
                await exchange.ready()
                if exchange.lost:
                    return
                size = min(stop - start, WINDOW)
                if size > PIECE and (sent := await self._send_directly(exchange, file, size, start)):
                    start += sent
                    continue
                size = min(size, PIECE)
                data = self._read_at_once(file, size, start)
                if data is None:
                    data = await self._run(os.pread, file.descriptor, size, start)
                    if exchange.lost:
                        return
                if not data:
                    raise EOFError("the file has become shorter while it was sent")
                exchange.write(data)
                start += len(data)
        exchange.end()

    async def _send_directly(self, exchange: Exchange, file: Opened, size: int, start: int) -> int:
        """Have the system send a piece, once it seems to have all of it in memory."""
        if _AT_ONCE is None or not exchange.sends_files:
            return 0
        for place in (*range(start, start + size, PROBED), start + size - 1):
            if self._read_at_once(file, 1, place) is None:
                await self._run(os.pread, file.descriptor, PROBED, place)
        return await exchange.send_file(file.descriptor, start, size)

    def _read_at_once(self, file: Opened, size: int, start: int) -> bytes | None:
        """What can be read without waiting, if anything can."""
        if _AT_ONCE is None:
            return None
        try:
            read = os.preadv(file.descriptor, [self._room[:size]], start, _AT_ONCE)
        except OSError:
            # It would have to wait, or cannot tell. A real error comes again in the thread.
            return None
        return bytes(self._room[:read])
