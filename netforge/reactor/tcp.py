"""Streams over TCP."""

from __future__ import annotations

import socket
from contextlib import suppress

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ITLSTransport
from zope.interface import implementer

from netforge.reactor.addresses import internet_address
from netforge.reactor.streams import Stream

__all__ = ["TCPStream"]


@implementer(ITLSTransport)
class TCPStream(Stream):
    """A connection over TCP."""

    __slots__ = ()

    def getHost(self) -> IPv4Address | IPv6Address:
        return internet_address("TCP", self._transport.get_extra_info("sockname"))

    def getPeer(self) -> IPv4Address | IPv6Address:
        name = self._transport.get_extra_info("peername")
        # It was reset before uvloop had it: who connected it knows.
        return internet_address("TCP", name or self._origin.realAddress)  # type: ignore[attr-defined]  # ports discard

    @property
    def has_peer(self) -> bool:
        """Whether the peer was still there when uvloop took the connection."""
        return self._transport.get_extra_info("peername") is not None

    def shut_down(self) -> None:
        # Closing a socket with something unread only resets the connection.
        borrowed = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM, 0, self.fileno())
        with suppress(OSError):
            borrowed.shutdown(socket.SHUT_RDWR)
        borrowed.detach()

    @property
    def hostname(self) -> str:
        return str(self.getPeer().host)

    @property
    def place(self) -> object:
        return self.getHost().port

    def getTcpNoDelay(self) -> bool:
        return bool(self.transport_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        # uvloop has enabled it, so the many protocols that do, too, need not ask the system.
        if self._tuned or not enabled:
            self._tuned = True
            self.transport_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        return bool(self.transport_socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)
