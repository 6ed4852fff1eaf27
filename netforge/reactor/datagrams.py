"""UDP: ports of Twisted's making for which uvloop receives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import udp
from twisted.python import log

from netforge.reactor.loops import NotReading, begin
from netforge.reactor.prefixes import has_own_prefix

if TYPE_CHECKING:
    from netforge.reactor.reactor import ForgeReactor

__all__ = ["UDPPort"]


class UDPPort(udp.Port):
    """A UDP port. It sends on its own socket, and uvloop receives on a duplicate while the port reads.

    :ivar sender: where the last datagram came from.
    :ivar prefixed: whether the protocol chooses the prefix of its log messages.
    """

    reactor: ForgeReactor
    socket: socket.socket
    protocol: Any
    sender: tuple[str, int] | None = None
    prefixed = False
    _receiver: _Receiver | None = None

    def startReading(self) -> None:
        if self._receiver is None:
            self.prefixed = has_own_prefix(self.protocol)
            self._receiver = _Receiver(self)
            self.reactor.ports.add(self)

    def stopReading(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.close()
            self.reactor.ports.discard(self)

    def write(self, datagram: bytes, addr: tuple[str, int] | None = None) -> Any:
        if addr is not None and addr is self.sender and not self._connectedAddr:
            # An answer: Twisted's would prove several times over that addr is no name.
            try:
                return self.socket.sendto(datagram, addr)
            except OSError:
                # It tries again, and knows what each error means.
                pass
        return super().write(datagram, addr)

    def refused(self) -> None:
        """The peer that this port is connected to refuses."""
        if self._connectedAddr:
            self.protocol.connectionRefused()

    def _loseConnection(self) -> None:
        receiver = self._receiver
        self.stopReading()
        if not self.connected:
            return
        if receiver is None:
            self.reactor.loop.call_soon(self.connectionLost)
        else:
            # The number of the port is to be free then.
            receiver.when_closed = self.connectionLost


class _Receiver(asyncio.DatagramProtocol):
    """Receives for a port until it is closed.

    :ivar when_closed: is called when the descriptor is closed, if set by then.
    """

    __slots__ = ("_loop", "_port", "_transport", "when_closed")

    def __init__(self, port: UDPPort) -> None:
        self._port: UDPPort | None = port
        self._transport: asyncio.DatagramTransport | None = None
        self._loop = port.reactor.loop
        self.when_closed: Callable[[], object] | None = None
        begin(self._loop.create_datagram_endpoint(lambda: self, sock=port.socket.dup()))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        if self._port is None:
            self._transport.abort()
            raise NotReading

    def connection_lost(self, exc: Exception | None) -> None:
        if self.when_closed is not None:
            # uvloop closes the descriptor after this.
            self._loop.call_soon(self.when_closed)

    def close(self) -> None:
        self._port = None
        if self._transport is not None:
            self._transport.abort()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        port = self._port
        if port is None:
            return
        if len(data) > port.maxPacketSize:
            data = data[: port.maxPacketSize]
        # Without the flow and the scope of IPv6, as in Twisted.
        port.sender = sender = addr if len(addr) == 2 else addr[:2]
        try:
            if port.prefixed:
                log.callWithContext({"system": port.logPrefix()}, port.protocol.datagramReceived, data, sender)
            else:
                port.protocol.datagramReceived(data, sender)
        except BaseException:
            log.err()

    def error_received(self, exc: Exception) -> None:
        if self._port is not None and isinstance(exc, ConnectionRefusedError):
            self._port.refused()
