"""Streams over the TLS that uvloop has built in: the standard library's."""

from __future__ import annotations

import asyncio
import math
from ssl import SSLContext, SSLError
from typing import Any, ClassVar, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.reactor.addresses import internet_address
from netforge.reactor.consumers import drop
from netforge.reactor.ports import TCPPort
from netforge.reactor.tcp import TCPStream

__all__ = ["SSLPort"]


@implementer(ISSLTransport)
class SSLStream(TCPStream):
    """A connection over TLS, to which its protocol is connected after the handshake."""

    __slots__ = ("_names", "_socket")

    TLS: ClassVar[bool] = True

    _transport: Any

    # The life of a stream.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # What pauses here is kept from reading by uvloop's TLS: no need of NotReading.
        self._transport = transport
        # uvloop's TLS knows none of them once the connection is lost, a turn before it says so.
        self._socket, *self._names = map(transport.get_extra_info, ("socket", "sockname", "peername"))
        self._origin.established(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        # By itself, uvloop would ask the system for as much memory for each read, and give it back.
        return self.reactor.buffer

    def buffer_updated(self, size: int) -> None:
        self.data_received(bytes(self.reactor.buffer[:size]))

    def eof_received(self) -> bool:
        """The peer has sent close_notify: uvloop answers, and says that the connection is lost."""
        self._reading = False
        self.disconnecting = True
        self.set_write(drop)
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        if isinstance(exc, SSLError) and self._reason is None:
            self._reason = Failure(exc)
        # An end without close_notify may be an attacker's.
        cut_off = exc is None and not self.disconnecting
        super().connection_lost(ConnectionResetError() if cut_off else exc)

    # Reading: when the connection ends, uvloop drops what is unread. So it must not see the end before that is read.

    def startReading(self) -> None:
        super().startReading()
        # After uvloop, which does so in the next turn, has handed over what it holds.
        self.reactor.loop.call_soon(self._release)

    def _release(self) -> None:
        if self.reading:
            self._read_ahead()

    def stopReading(self) -> None:
        super().stopReading()
        self._read_ahead(0)

    def _read_ahead(self, *size: int) -> None:
        """Set how many bytes uvloop may hold for the protocol: some, or none."""
        if self._socket.fileno() != -1:
            self._transport.set_read_buffer_limits(*size)

    # The end.

    def loseConnection(self) -> None:
        super().loseConnection()
        if self.producer is None:
            # As in Twisted's TLS.
            self.set_write(drop)

    def close(self) -> None:
        self.set_write(drop)
        # To read the answer to close_notify.
        self._read_ahead()
        self._transport.close()

    def abortConnection(self) -> None:
        if self._socket.fileno() != -1:
            super().abortConnection()

    def loseWriteConnection(self) -> None:
        """Close both sides: TLS is not closed by halves."""
        self.loseConnection()

    # The socket.

    @property
    def transport_socket(self) -> Any:
        return self._socket

    def getHost(self) -> IPv4Address | IPv6Address:
        return internet_address("TCP", self._names[0])

    def getPeer(self) -> IPv4Address | IPv6Address:
        return internet_address("TCP", self._names[1])

    # TLS.

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        raise RuntimeError("TLS was started on this connection before")

    def getHandle(self) -> Any:
        """The :class:`ssl.SSLObject`."""
        return self._transport.get_extra_info("ssl_object")

    def getPeerCertificate(self) -> Any:
        """An ``OpenSSL.crypto.X509``; nothing if there is none."""
        from OpenSSL.crypto import FILETYPE_ASN1, load_certificate  # noqa: PLC0415  an extra of Twisted

        certificate = self.getHandle().getpeercert(True)
        return certificate and load_certificate(FILETYPE_ASN1, certificate)

    @property
    def negotiatedProtocol(self) -> bytes | None:
        name = cast("str | None", self.getHandle().selected_alpn_protocol())
        return None if name is None else name.encode()


class SSLPort(TCPPort):
    """A port that listens for TLS."""

    stream = SSLStream
    _type = "TLS"

    context: SSLContext

    def serving_options(self) -> dict[str, Any]:
        # Twisted waits for what is written, and for close_notify, as long as it takes.
        return {"ssl": self.context, "ssl_shutdown_timeout": math.inf}
