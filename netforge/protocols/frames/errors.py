"""Why a connection was cut, where Twisted has no word for it."""

from __future__ import annotations

from twisted.internet.error import ConnectionAborted

__all__ = ["IdleError", "SlowReaderError"]


class IdleError(ConnectionAborted):
    """The peer kept us waiting for longer than *idle*."""

    MESSAGE = "The peer kept us waiting for too long"


class SlowReaderError(ConnectionAborted):
    """More than *max_unsent* bytes waited for the peer to read."""

    MESSAGE = "The peer reads too slowly"
