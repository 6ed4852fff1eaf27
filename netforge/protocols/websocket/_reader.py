"""What one side says, from bytes to messages (RFC 6455, section 5).

wsproto is not used, for two reasons: it inflates whatever it is given, however much that becomes, and it is slow. The
tests hold the two against each other.
"""

from __future__ import annotations

from enum import Enum, auto

from netforge.protocols.websocket._frames import (
    BINARY,
    CLOSE,
    CODES,
    COMPRESSED,
    CONTINUATION,
    FIN,
    MOST_CONTROL,
    PING,
    PONG,
    TEXT,
)
from netforge.protocols.websocket._masks import masked
from netforge.protocols.websocket._message import Message
from netforge.protocols.websocket.errors import CloseCode, Violation
from netforge.protocols.websocket.events import Close, Event, Ping, Pong
from netforge.protocols.websocket.extensions.deflate import Inflater

__all__ = ["MessageReader"]

_CONTROL, _OPCODE, _RESERVED = 0x08, 0x0F, 0x70
#: The first byte of a whole message that is not compressed.
_PLAIN = (FIN | TEXT, FIN | BINARY)


class _GoOn(Enum):
    """Something was taken, and there may be more."""

    GO_ON = auto()


_GO_ON = _GoOn.GO_ON


class MessageReader:
    """What one side says.

    Feed it by :meth:`receive_data`, then ask it by :meth:`next_event` until there is nothing. What was not asked for
    stays as it came, and as small.

    :param masked: whether frames must be masked: those of clients, and never those of servers (RFC 6455, section 5.1).
    :param most: the most bytes of a message.
    :param inflater: if messages may be compressed.
    """

    __slots__ = ("_at", "_data", "_final", "_inflater", "_key", "_key_size", "_left", "_mask", "_message", "_most")

    def __init__(self, *, masked: bool, most: int, inflater: Inflater | None = None) -> None:
        self._mask, self._key_size = (FIN, 4) if masked else (0, 0)
        self._most = most
        self._inflater = inflater
        # What came, and how far it was read.
        self._data = b""
        self._at = 0
        # The message in the making; and of a frame of it that has come in part, how much is to come, whether it is the
        # last, and the mask of what is to come.
        self._message: Message | None = None
        self._left = 0
        self._final = False
        self._key = b""

    def receive_data(self, data: bytes) -> None:
        """Take what came."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def next_event(self) -> Event | None:
        """What was said next; ``None`` until more has come.

        :raises Violation: if a rule was broken. Then nothing more can be understood.
        """
        while True:
            event = self._take_piece() if self._left else self._take_frame()
            if event is not _GO_ON:
                return event

    def _take_frame(self) -> Event | _GoOn | None:  # noqa: PLR0911  one for each kind of frame
        """Read a frame, or as much as there is of one that belongs to a message."""
        data, at = self._data, self._at
        if len(data) - at < 2:
            return None
        first, size = data[at], data[at + 1]
        # Nearly all frames are whole messages, and not compressed.
        plain = self._message is None and first in _PLAIN
        if not plain or size & FIN != self._mask:
            self._check(first, size)
        size &= ~FIN
        at += 2
        start = at + self._key_size
        if size > MOST_CONTROL:
            start += 2 if size == MOST_CONTROL + 1 else 8
        if start > len(data):
            return None
        if size > MOST_CONTROL:
            size = _long(data[at : start - self._key_size])
        key = data[start - self._key_size : start]
        end = start + size
        if end > len(data):
            if first & _CONTROL:
                return None
            self._begin_frame(first, size)
            self._at, self._left, self._key = start, size, key
            return _GO_ON
        self._at = end
        payload = data[start:end]
        if key:
            payload = masked(payload, key)
        if plain and size <= self._most:
            return payload if first == FIN | BINARY else _text(payload)
        if first & _CONTROL:
            return _control(first & _OPCODE, payload)
        return self._add(self._begin_frame(first, size), payload)

    def _take_piece(self) -> Event | _GoOn | None:
        """Read on in a frame that has come in part."""
        assert self._message is not None
        piece = self._data[self._at : self._at + self._left]
        if not piece:
            return None
        self._at += len(piece)
        self._left -= len(piece)
        if self._key:
            turned = len(piece) % 4
            piece, self._key = masked(piece, self._key), self._key[turned:] + self._key[:turned]
        return self._add(self._message, piece)

    def _begin_frame(self, first: int, size: int) -> Message:
        """A frame of a message begins, and maybe the message."""
        message = self._message
        if message is None:
            inflater = self._inflater if first & COMPRESSED else None
            message = self._message = Message(text=first & _OPCODE == TEXT, most=self._most, inflater=inflater)
        message.expect(size)
        self._final = bool(first & FIN)
        return message

    def _add(self, message: Message, piece: bytes) -> Event | _GoOn:
        message.add(piece)
        if self._left or not self._final:
            return _GO_ON
        self._message = None
        return message.end()

    def _check(self, first: int, second: int) -> None:
        """Look at the first two bytes of a frame."""
        opcode, allowed = first & _OPCODE, 0
        if second & FIN != self._mask:
            raise Violation("a frame is not masked" if self._mask else "a frame is masked")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise Violation(f"a frame has the unknown opcode {opcode:#x}")
        if opcode & _CONTROL:
            if not first & FIN or second & ~FIN > MOST_CONTROL:
                raise Violation("a control frame is fragmented or too long")
        elif opcode == CONTINUATION:
            if self._message is None:
                raise Violation("a frame continues a message that never began")
        elif self._message is not None:
            raise Violation("a message begins in the middle of another")
        elif self._inflater is not None:
            allowed = COMPRESSED
        if first & _RESERVED & ~allowed:
            raise Violation("a frame has bits that mean nothing")


def _long(data: bytes) -> int:
    """A length that the second byte has no room for."""
    size = int.from_bytes(data)
    if size >> 63 or size <= (MOST_CONTROL if len(data) == 2 else 0xFFFF):
        raise Violation("the length of a frame is not in its shortest form")
    return size


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Violation("a text is no UTF-8", CloseCode.INVALID_DATA) from None


def _control(opcode: int, payload: bytes) -> Event:
    if opcode != CLOSE:
        return Ping(payload) if opcode == PING else Pong(payload)
    if not payload:
        return Close(CloseCode.NO_CODE, "")
    code = int.from_bytes(payload[:2])
    if len(payload) == 1 or code not in CODES:
        raise Violation(f"a Close has no code that may be said: {payload[:2]!r}")
    return Close(code, _text(payload[2:]))
