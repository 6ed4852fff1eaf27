"""What was received and waits, and whether the peer has to wait too."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.frames._decoder import Decoder
from netforge.protocols.interfaces import IStreamTransport

__all__ = ["Incoming"]

#: The most bytes of payloads that wait before the peer is paused, however few payloads they are.
_BYTES = 16 * 1024
#: The bytes that are divided at once. Payloads of a byte or two take twenty times their size: so the rest of a read
#: stays as it came while they wait.
_PIECE = 4096


class Incoming:
    """Divides a stream, and keeps the payloads. Pauses the transport when they are too many, until none waits.

    :param decoder: divides the stream.
    :param most: the most payloads that wait before the transport is paused.
    :ivar transport: where the stream comes from; to be set.
    :ivar waiting: the payloads, the oldest first. When it is empty, all that was taken has been divided.
    :ivar ended: whether nothing more is to be read.
    """

    __slots__ = ("_decoder", "_most", "_over", "_paused", "_pieces", "ended", "transport", "waiting")

    transport: IStreamTransport

    def __init__(self, decoder: Decoder, most: int) -> None:
        self._decoder = decoder
        self._most = most
        self._pieces: deque[bytes] = deque()
        self._over = False
        self._paused = False
        self.waiting: deque[bytes] = deque()
        self.ended = False

    @property
    def error(self) -> RemoteProtocolError | None:
        """What was wrong after the payloads."""
        return self._decoder.error

    def take(self, data: bytes) -> None:
        """Take what the transport has read. An error in it ends the stream."""
        self._pieces.extend(data[start : start + _PIECE] for start in range(0, len(data), _PIECE))
        self._divide()

    def take_end(self) -> None:
        """Take note that the peer sends nothing more, which is an error within a payload."""
        self._over = True
        self._divide()

    def next(self) -> bytes:
        """The oldest payload. With the last one, read again."""
        payload = self.waiting.popleft()
        if not self.waiting:
            self._divide()
            if self._paused and not self.waiting:
                self._paused = False
                if not self.ended:
                    self.transport.resumeProducing()
        return payload

    def pause_if_full(self) -> None:
        """Read nothing for now if too much waits."""
        if self._full and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def end(self) -> None:
        """Read nothing more."""
        self.ended = True
        self.transport.pauseProducing()

    def clear(self) -> None:
        """Forget all that waits."""
        self._pieces.clear()
        self.waiting.clear()

    @property
    def _full(self) -> bool:
        return len(self.waiting) > self._most or sum(map(len, self.waiting)) > _BYTES

    def _divide(self) -> None:
        """Divide what was taken until enough waits."""
        with suppress(RemoteProtocolError):  # which the decoder keeps
            while self._pieces and not self._full:
                self.waiting += self._decoder.receive_data(self._pieces.popleft())
            if self._over and not self._pieces:
                self._decoder.receive_eof()
        if self._decoder.error is not None and not self.ended:
            self.end()
