"""Streams over UNIX sockets, which can also send open descriptors."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.error import FileDescriptorOverrun
from twisted.internet.interfaces import ITLSTransport, IUNIXTransport
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.reactor.streams import Origin, Stream

__all__ = ["UNIXStream"]

# The kernel cannot take more for now.
_BLOCKED = (errno.EAGAIN, errno.ENOBUFS)


@implementer(IUNIXTransport, ITLSTransport)
class UNIXStream(Stream):
    """A connection over a UNIX socket.

    What is written in a turn of the reactor is sent together in the next, since a descriptor travels with a byte that
    may have been written before ``sendFileDescriptor`` as well as after it. Descriptors are received by Twisted's own
    transports only: ports, clients and adoptions see to that.
    """

    __slots__ = ("_blocked", "_descriptors", "_names", "_written")

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        self._written: list[bytes] = []
        self._descriptors: list[int] = []
        self._blocked: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop knows them no more once the connection is lost. Either may have none.
        self._names = [transport.get_extra_info(which) or None for which in ("sockname", "peername")]
        super().connection_made(transport)

    # Addresses are UNIXAddress, where ITLSTransport has those of TCP.

    def getHost(self) -> Any:
        return UNIXAddress(None if self._origin.connects else self._names[0])

    def getPeer(self) -> Any:
        return UNIXAddress(self.addr if self._origin.connects else self._names[1])

    @property
    def hostname(self) -> str:
        own, peer = self._names
        return str(peer or own)

    @property
    def place(self) -> object:
        return self._names[0]

    # Some code takes every stream for TCP.

    def getTcpNoDelay(self) -> bool:
        return False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """UNIX sockets never delay."""

    def getTcpKeepAlive(self) -> bool:
        return bool(self.transport_socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    # Writing.

    @property
    def plain_write(self) -> Callable[[bytes], None]:
        return self._collect

    def _collect(self, data: bytes) -> None:
        # Refuses text at once, and copies what may change.
        written = b"" + data
        if written:
            self._flush_soon()
            self._written.append(written)

    def sendFileDescriptor(self, descriptor: int) -> None:
        """Send a descriptor, with a byte that is written in this turn or was.

        When there are more descriptors than bytes, the connection is lost with ``FileDescriptorOverrun``.
        """
        self._flush_soon()
        self._descriptors.append(descriptor)

    def _flush_soon(self) -> None:
        if not self._written and not self._descriptors:
            self.reactor.loop.call_soon(self.flush)

    def flush(self) -> bool:
        if not self.connected or self._reason is not None or self._blocked is not None:
            return False
        if self._descriptors and not self._send_descriptors():
            return False
        data = b"".join(self._written)
        self._written.clear()
        if data:
            # After write_eof, uvloop refuses even nothing.
            self._transport.write(data)
        return True

    def _send_descriptors(self) -> bool:
        """Send each with a byte, after all that uvloop still has to send; whether that could be done."""
        data = b"".join(self._written)
        if len(self._descriptors) > len(data):
            self._lose(Failure(FileDescriptorOverrun()))
            return False
        # uvloop's own descriptor: a duplicate could have the number of one that was closed too early, and be sent.
        borrowed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, self.fileno())
        sent = 0
        try:
            while sent < len(self._descriptors):
                if self._transport.get_write_buffer_size():
                    raise BlockingIOError(errno.EAGAIN, "uvloop has yet to send")
                socket.send_fds(borrowed, [data[sent : sent + 1]], [self._descriptors[sent]])
                sent += 1
        except OSError as error:
            if error.errno not in _BLOCKED:
                self._lose(Failure(CONNECTION_LOST))
                return False
            # uvloop refuses to watch its own descriptors, and takes duplicates.
            self._blocked = self.transport_socket.dup()
            self.reactor.loop.add_writer(self._blocked, self._unblock)
            self.pause_writing()
        finally:
            borrowed.detach()
        del self._descriptors[:sent]
        self._written[:] = [data[sent:]]
        return not self._descriptors

    def _unblock(self) -> None:
        self._unwatch()
        if self.flush():
            self.startWriting()

    def _unwatch(self) -> None:
        blocked, self._blocked = self._blocked, None
        if blocked is not None:
            self.reactor.loop.remove_writer(blocked)
            blocked.close()

    def connectionLost(self, reason: Failure) -> None:
        self._unwatch()
        super().connectionLost(reason)
