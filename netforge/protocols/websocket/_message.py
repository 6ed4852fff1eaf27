"""A message that comes in pieces."""

from __future__ import annotations

from codecs import getincrementaldecoder

from netforge.protocols.websocket.errors import CloseCode, Violation
from netforge.protocols.websocket.extensions.deflate import Inflater

__all__ = ["Message", "too_large"]

_decoder = getincrementaldecoder("utf-8")


class Message:
    """Puts one together, and looks at each piece as it comes: nobody waits for the rest of what is wrong already.

    :param text: whether it must be UTF-8 (RFC 6455, section 8.1).
    :param most: the most bytes that it may have, once it is inflated.
    :param inflater: what inflates it, if it is compressed.
    """

    __slots__ = ("_data", "_decoder", "_inflater", "_most")

    def __init__(self, *, text: bool, most: int, inflater: Inflater | None) -> None:
        self._data = bytearray()
        self._decoder = _decoder() if text else None
        self._most = most
        self._inflater = inflater

    def expect(self, size: int) -> None:
        """So much is to come in one frame. What is too large is not even waited for, where that can be told.

        :raises Violation: if it is.
        """
        if self._inflater is None and size > self._room:
            raise too_large(self._most)

    def add(self, data: bytes) -> None:
        """Take a piece, as it came.

        :raises Violation: if it is no UTF-8, cannot be inflated, or is too much.
        """
        self._take(self._inflater.inflate(data, self._room) if self._inflater else data, last=False)

    def end(self) -> str | bytes:
        """The whole message.

        :raises Violation: as :meth:`add`.
        """
        self._take(self._inflater.end(self._room) if self._inflater else b"", last=True)
        return bytes(self._data) if self._decoder is None else self._data.decode()

    @property
    def _room(self) -> int:
        return self._most - len(self._data)

    def _take(self, data: bytes, *, last: bool) -> None:
        if len(data) > self._room:
            raise too_large(self._most)
        if self._decoder is not None:
            try:
                self._decoder.decode(data, last)
            except UnicodeDecodeError:
                raise Violation("a text is no UTF-8", CloseCode.INVALID_DATA) from None
        self._data += data


def too_large(most: int) -> Violation:
    """The answer to a message that is too large."""
    return Violation(f"a message has more than {most} bytes", CloseCode.TOO_LARGE)
