"""Codecs that need no library: bytes and text."""

from __future__ import annotations

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["Raw", "Text"]


class Raw:
    """The payload is the message."""

    def encode(self, message: bytes) -> bytes:
        """Nothing to do."""
        return message

    def decode(self, payload: bytes) -> bytes:
        """Nothing to do."""
        return payload


class Text:
    """Text.

    :param encoding: as Python names it.
    :raises LookupError: there is no such encoding of text.
    """

    def __init__(self, encoding: str = "utf-8") -> None:
        "".encode(encoding)
        self._encoding = encoding

    def encode(self, message: str) -> bytes:
        """Write text.

        :raises LocalProtocolError: the encoding has no bytes for a character.
        """
        try:
            return message.encode(self._encoding)
        except UnicodeError as error:
            raise LocalProtocolError(f"cannot be expressed in {self._encoding}: {message!r}") from error

    def decode(self, payload: bytes) -> str:
        """Read text.

        :raises RemoteProtocolError: the bytes are not in the encoding.
        """
        try:
            return payload.decode(self._encoding)
        except UnicodeError as error:
            raise RemoteProtocolError(f"not {self._encoding}: {error}") from error
