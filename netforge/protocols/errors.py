"""The two errors of every protocol core: the peer did wrong, or we did."""

from __future__ import annotations

__all__ = ["LocalProtocolError", "ProtocolError", "RemoteProtocolError"]


class ProtocolError(Exception):
    """A rule of the protocol was broken. Raised only as one of its two subclasses."""


class LocalProtocolError(ProtocolError):
    """Our own side asked a core for something that the protocol does not allow: a bug in the calling code."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the protocol does not allow.

    :param message: what was wrong and what was expected, for the log.
    :param reply: the bytes to send to the peer before closing; empty where the protocol has no words for errors.
    """

    def __init__(self, message: str, reply: bytes = b"") -> None:
        super().__init__(message)
        self.reply = reply
