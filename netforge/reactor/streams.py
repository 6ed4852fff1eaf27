"""Streams: Twisted's transports to a protocol, asyncio's protocols to uvloop, and nothing between the two.

uvloop reads, and calls :meth:`Stream.data_received`, which calls the protocol. The protocol calls
:attr:`Stream.write`, which *is* uvloop's bound ``write``, unless something must know of each write: a producer, a
close that waits for what is written, TLS.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableProtocol,
    ILoggingContext,
    IProtocol,
    IPushProducer,
    ISystemHandle,
    ITransport,
)
from twisted.internet.main import CONNECTION_LOST
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.reactor.consumers import BUFFER_SIZE, DONE, Consumer, drop
from netforge.reactor.handles import StreamHandle
from netforge.reactor.loops import NotReading
from netforge.reactor.prefixes import Prefixing, has_own_prefix, prefix_of

if TYPE_CHECKING:
    from netforge.reactor.reactor import ForgeReactor

__all__ = ["Origin", "Stream"]

# SO_LINGER on, with no time: closing sends RST.
_RESET = struct.pack("ii", 1, 0)
# Shared as in Twisted's reactors.
_LOST = Failure(CONNECTION_LOST)


class Origin(Protocol):
    """Where a stream comes from: a port, an attempt to connect, an adoption.

    :ivar connects: whether it is the side that connects.
    """

    reactor: ForgeReactor
    connects: bool

    def established(self, stream: Stream) -> None:
        """The stream is connected: give it its protocol by ``start``, or ``discard`` it."""

    def lost(self, stream: Stream, reason: Failure) -> None:
        """The stream that was started is lost, and its protocol knows."""


@implementer(ITransport, ISystemHandle, IConsumer, IPushProducer, ILoggingContext)
class Stream(Consumer, asyncio.BaseProtocol):
    """One connection.

    :param origin: where it comes from.
    :ivar connected: from ``start`` until the connection is lost.
    :ivar disconnecting: since ``loseConnection``.
    :ivar disconnected: since the connection is lost.
    :ivar write: takes bytes to send. After ``loseConnection`` they are still sent; once the connection is lost,
        dropped.
    :ivar sessionno: the number of the connection at its port.
    """

    __slots__ = (
        "__weakref__",
        "_origin",
        "_reading",
        "_reason",
        "_transport",
        "_tuned",
        "connected",
        "disconnected",
        "disconnecting",
        "protocol",
        "reactor",
        "sessionno",
        "write",
    )

    TLS: ClassVar[bool] = False

    write: Callable[[bytes], None]

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self.reactor = origin.reactor
        self.write = drop
        self._reading = True
        self._reason: Failure | None = None
        self.connected = self.disconnecting = self.disconnected = False
        # Whether somebody but uvloop may have set options of the socket.
        self._tuned = False
        self.sessionno = 0
        # The consumer's, here for speed.
        self.bufferSize = BUFFER_SIZE
        self.producer = None
        self.streamingProducer = self.producerPaused = False
        self.write_closing = self.write_closed = False
        self._full = self._looking = False

    # The life of a stream, as uvloop tells it.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._origin.established(self)
        if not self._reading:
            raise NotReading

    def start(self, protocol: IProtocol) -> None:
        """Connect the protocol. What its ``connectionMade`` raises is raised."""
        self.connected = True
        self.reactor.streams.add(self)
        self.write = self.plain_write
        self.protocol = protocol
        if has_own_prefix(protocol):
            self._transport.set_protocol(Prefixing(self))
        protocol.makeConnection(self)

    def discard(self) -> None:
        """Close before there ever was a protocol."""
        self.disconnected = True
        self._transport.abort()

    def detach(self) -> socket.socket:
        """Take the connection from uvloop, before it reads from it."""
        taken: socket.socket = self.transport_socket.dup()
        self.discard()
        return taken

    def data_received(self, data: bytes) -> None:
        # Looked up each time, since code replaces transport.protocol and protocol.dataReceived in mid-stream. Where a
        # nanosecond counts, attempt is left out.
        try:
            self.protocol.dataReceived(data)
        except BaseException:
            self.fail(Failure())

    def eof_received(self) -> bool:
        self._reading = False
        if self.disconnected:
            return False
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.attempt(IHalfCloseableProtocol(self.protocol).readConnectionLost)
        else:
            self._lose(DONE)
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.disconnected:
            return
        self._lose(self._reason or (DONE if exc is None else _LOST))

    def attempt(self, call: Callable[[], object]) -> None:
        """Call the application; what it raises ends the connection."""
        try:
            call()
        except BaseException:
            self.fail(Failure())

    def fail(self, failure: Failure) -> None:
        """End the connection for what the application raised."""
        log.err(failure)
        self._lose(failure)

    def _lose(self, reason: Failure) -> None:
        try:
            self.connectionLost(reason)
        except BaseException:
            log.err()

    def connectionLost(self, reason: Failure) -> None:
        """Close at once, and tell the protocol.

        :param reason: the reason that the protocol is told.
        """
        if self.disconnected:
            return
        self.connected, self.disconnected, self._reading = False, True, False
        self._transport.abort()
        self.reactor.streams.discard(self)
        self.set_write(drop)
        self.write = drop
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        protocol = self.protocol
        del self.protocol
        protocol.connectionLost(reason)
        self._origin.lost(self, reason)

    # The log.

    def logPrefix(self) -> str:
        return self.logstr

    @property
    def logstr(self) -> str:
        """What stands before the log messages of this connection."""
        if self.disconnected:
            return "-"
        prefix = prefix_of(self.protocol)
        return f"{prefix},client" if self._origin.connects else f"{prefix},{self.sessionno},{self.hostname}"

    @property
    def hostname(self) -> str:
        """The peer, for the log."""
        raise NotImplementedError

    def __repr__(self) -> str:
        if self._origin.connects:
            return f"<{type(self)} to {self.addr} at {id(self):x}>"
        protocol = type(getattr(self, "protocol", None)).__name__
        return f"<{protocol} #{self.sessionno} on {self.place}>"

    @property
    def addr(self) -> Any:
        """Of a client: what it was told to connect to."""
        return self._origin.addr  # type: ignore[attr-defined]  # a client's has it

    @property
    def place(self) -> object:
        """Where it was accepted, for people: the number of the port or the path."""
        raise NotImplementedError

    # Writing, besides what Consumer does.

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        try:
            data = b"".join(iovec)
        except TypeError as error:
            raise TypeError("Data must be bytes") from error
        self.write(data)

    def set_write(self, write: Callable[[bytes], None]) -> None:
        """Set what takes the bytes that go onto the wire."""
        self.write = write

    def send_file(self, descriptor: int, start: int, size: int) -> Deferred[int] | None:
        """Send a part of a file by the system alone. It must stay open, and nothing may be written meanwhile.

        :return: fires with how many bytes were sent, and may be cancelled; ``None`` if it must be written instead: over
            TLS, or while something waits to be sent.
        """
        if self.TLS or not self.connected or self.disconnecting or self.write_closing or self.writing:
            return None
        from netforge.reactor.files import FileSending  # noqa: PLC0415  few need it

        return FileSending(self, descriptor, start, size).done

    # Reading.

    def startReading(self) -> None:
        self._reading = not self.disconnected
        if self._reading:
            self._transport.resume_reading()

    def stopReading(self) -> None:
        self._reading = False
        self._transport.pause_reading()

    def resumeProducing(self) -> None:
        if self.connected and not self.disconnecting:
            self.startReading()

    def pauseProducing(self) -> None:
        self.stopReading()

    def stopProducing(self) -> None:
        self.loseConnection()

    @property
    def reading(self) -> bool:
        """Whether it reads."""
        return self._reading and self.connected

    # The end.

    def loseConnection(self) -> None:
        if self.disconnected or self.disconnecting:
            return
        if not self.connected:
            # It was adopted in this turn. In the next uvloop has it, and it may speak TLS.
            self.reactor.loop.call_soon(methodcaller("loseConnection"), self)
            return
        if self.write_closed:
            self.connectionLost(DONE)
            return
        self.stopReading()
        self.disconnecting = True
        self.route_writes()
        self.startWriting()

    def abortConnection(self) -> None:
        if self.disconnected or self._reason is not None:
            return
        self._reason = Failure(ConnectionAborted())
        self._reading = False
        self.transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def leave(self) -> None:
        """Give up the descriptor, without a word on the wire, to whoever has a duplicate of it."""
        self._reason = self._reason or _LOST
        self._reading = False
        self._transport.abort()

    # TLS.

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """Speak TLS from here on.

        :param contextFactory: makes the context, or is an ``IOpenSSLClientConnectionCreator`` or server's.
        :param normal: whether the side that accepted the connection is TLS's server.
        """
        from netforge.reactor.tls import start_tls  # noqa: PLC0415  pyOpenSSL is an extra of Twisted

        start_tls(self, contextFactory, client=self._origin.connects == normal)

    # The socket.

    @property
    def transport_socket(self) -> Any:
        """uvloop's stand-in for the socket."""
        return self._transport.get_extra_info("socket")

    @property
    def socket(self) -> StreamHandle:
        """The options, names and number of the socket."""
        self._tuned = True
        return StreamHandle(self)

    def getHandle(self) -> Any:
        return self.socket

    def fileno(self) -> int:
        """The number of the descriptor, which is uvloop's; -1 when the connection is lost."""
        self._tuned = True
        return -1 if self.disconnected else cast(int, self.transport_socket.fileno())

    def getHost(self) -> IAddress:
        raise NotImplementedError

    def getPeer(self) -> IAddress:
        raise NotImplementedError
