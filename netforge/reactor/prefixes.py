"""Log prefixes: what stands before the log messages of a connection, if its protocol chooses that itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from twisted.internet.interfaces import ILoggingContext
from twisted.internet.protocol import DatagramProtocol, Protocol
from twisted.python import log

if TYPE_CHECKING:
    from netforge.reactor.streams import Stream

# Those that give the name of the class.
_CLASS_NAMES = (None, Protocol.logPrefix, DatagramProtocol.logPrefix)

__all__ = ["Prefixing", "has_own_prefix", "prefix_of"]


def prefix_of(application: object) -> str:
    """The log prefix of a protocol or a factory."""
    if ILoggingContext.providedBy(application):
        return str(ILoggingContext(application).logPrefix())
    return type(application).__name__


def has_own_prefix(protocol: object) -> bool:
    """Whether a protocol, inside Twisted's wrappers, defines a prefix rather than go by the name of its class."""
    inner = protocol
    if getattr(type(inner), "logPrefix", None) in _CLASS_NAMES:
        return False
    while wrapped := getattr(inner, "wrappedProtocol", None) or getattr(inner, "_wrappedProtocol", None):
        inner = wrapped
    return getattr(type(inner), "logPrefix", None) not in _CLASS_NAMES


class Prefixing(asyncio.BaseProtocol):
    """Stands between uvloop and a stream, so that what is logged while data is received carries the stream's prefix.

    It takes several times as long as the call that it wraps, which is why only those have it who ask for it.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.eof_received = stream.eof_received
        self.connection_lost = stream.connection_lost  # type: ignore[method-assign]  # nothing stands between
        self.pause_writing = stream.pause_writing  # type: ignore[method-assign]  # likewise
        self.resume_writing = stream.resume_writing  # type: ignore[method-assign]  # likewise

    def data_received(self, data: bytes) -> None:
        log.callWithContext({"system": self._stream.logPrefix()}, self._stream.data_received, data)
