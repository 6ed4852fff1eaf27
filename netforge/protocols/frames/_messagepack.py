"""MessagePack, https://github.com/msgpack/msgpack/blob/master/spec.md."""

from __future__ import annotations

from typing import Any

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames._library import load

__all__ = ["MessagePack"]


class MessagePack:
    """MessagePack: what Python's ``msgpack`` makes of it, timestamps as ``datetime`` in UTC.

    Other extensions are ``msgpack.ExtType``. From a peer, map keys are text or bytes only, since colliding integers
    make a dictionary slow, and no size may exceed the payload that announces it. A timestamp loses its nanoseconds.

    :raises ImportError: msgpack is not installed.
    """

    def __init__(self) -> None:
        self._msgpack = load("msgpack", "MessagePack")

    def encode(self, message: Any) -> bytes:
        """Write a message.

        :raises LocalProtocolError: MessagePack cannot express it; a ``datetime`` without a time zone among others.
        """
        try:
            payload: bytes = self._msgpack.packb(message, datetime=True)
        except (TypeError, ValueError, OverflowError) as error:
            raise LocalProtocolError(f"cannot be expressed in MessagePack: {error}") from error
        return payload

    def decode(self, payload: bytes) -> Any:
        """Read a message.

        :raises RemoteProtocolError: this is not exactly one MessagePack object, it is nested too deeply, or a
            timestamp lies outside the years 1 to 9999.
        """
        try:
            return self._msgpack.unpackb(payload, timestamp=3)
        # Some of the library's errors say nothing, but their types do.
        except (TypeError, ValueError, OverflowError) as error:
            raise RemoteProtocolError(f"not MessagePack: {str(error) or type(error).__name__}") from error
