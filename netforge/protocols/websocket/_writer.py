"""What our side says, from messages to bytes (RFC 6455, section 5)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.websocket._frames import BINARY, CLOSE, CODES, COMPRESSED, FIN, MOST_CONTROL, PING, PONG, TEXT
from netforge.protocols.websocket._masks import masked
from netforge.protocols.websocket.errors import CloseCode
from netforge.protocols.websocket.extensions.deflate import SHORT, Deflater

__all__ = ["MessageWriter"]

_short, _medium, _long = Struct("!BB").pack, Struct("!BBH").pack, Struct("!BBQ").pack


class MessageWriter:
    """Its methods return what to send: each message in one frame.

    :param entropy: makes as many random bytes as it is asked for, of the kind that nobody can guess: the masks that the
        frames of a client have (RFC 6455, section 10.3), and those of a server have not.
    :param deflater: if messages may be compressed.
    """

    __slots__ = ("_deflater", "_entropy", "_mask")

    def __init__(self, entropy: Callable[[int], bytes] | None = None, deflater: Deflater | None = None) -> None:
        self._entropy = entropy
        self._mask = FIN if entropy else 0
        self._deflater = deflater

    def message(self, message: str | bytes) -> bytes:
        """A message.

        :raises LocalProtocolError: if it is a text that UTF-8 cannot express.
        """
        if isinstance(message, str):
            first, data = FIN | TEXT, _encoded(message)
        else:
            first, data = FIN | BINARY, message
        if self._deflater is not None and len(data) >= SHORT:
            first, data = first | COMPRESSED, self._deflater.deflate(data)
        return self._frame(first, data)

    def ping(self, data: bytes = b"") -> bytes:
        """A Ping.

        :param data: at most 125 bytes.
        """
        return self._frame(FIN | PING, data)

    def pong(self, data: bytes) -> bytes:
        """The answer to a Ping with that data."""
        return self._frame(FIN | PONG, data)

    def close(self, code: int, reason: str) -> bytes:
        """A Close.

        :param code: 1005 for none.
        :param reason: at most 123 bytes of UTF-8.
        :raises LocalProtocolError: if the code may not be said, or the reason is too long.
        """
        if code == CloseCode.NO_CODE:
            return self._frame(FIN | CLOSE, b"")
        if code not in CODES:
            raise LocalProtocolError(f"{code} is no code for closing: 1000 is, and so are 3000 to 4999")
        data = code.to_bytes(2) + _encoded(reason)
        if len(data) > MOST_CONTROL:
            raise LocalProtocolError(f"a reason has at most {MOST_CONTROL - 2} bytes, not {len(data) - 2}")
        return self._frame(FIN | CLOSE, data)

    def _frame(self, first: int, data: bytes) -> bytes:
        size = len(data)
        if size <= MOST_CONTROL:
            head = _short(first, self._mask | size)
        elif size <= 0xFFFF:
            head = _medium(first, self._mask | 126, size)
        else:
            head = _long(first, self._mask | 127, size)
        if self._entropy is None:
            return head + data
        key = self._entropy(4)
        return head + key + masked(data, key)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"not a text: {text[:100]!r}") from error
