"""Connections that were made elsewhere."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet import unix
from twisted.internet.address import UNIXAddress
from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.interfaces import IFileDescriptorReceiver, IProtocol
from twisted.python.failure import Failure

from netforge.reactor.addresses import internet_address
from netforge.reactor.loops import ride
from netforge.reactor.streams import Stream
from netforge.reactor.tcp import TCPStream
from netforge.reactor.unix import UNIXStream

if TYPE_CHECKING:
    from netforge.reactor.reactor import ForgeReactor

__all__ = ["adopt"]


class _Adoption:
    """The origin of an adopted stream.

    :ivar realAddress: the name of its peer, as ``getpeername`` returns it.
    """

    connects = False

    def __init__(self, reactor: ForgeReactor, protocol: IProtocol, peer: Any) -> None:
        self.reactor = reactor
        self.realAddress = peer
        self._protocol = protocol

    def established(self, stream: Stream) -> None:
        stream.attempt(lambda: stream.start(self._protocol))

    def lost(self, stream: Stream, reason: Failure) -> None:
        """Nobody waits for it."""


def adopt(reactor: ForgeReactor, descriptor: int, family: socket.AddressFamily, factory: Any) -> Any:
    """Take over a duplicate of a connected stream socket.

    :returns: the transport, to whose protocol it is connected in the next turn of the reactor; until then it can only
        be written to and closed. Nothing if the factory refuses.
    :raises UnsupportedAddressFamily: it is neither IPv4, IPv6 nor UNIX.
    """
    if family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        raise UnsupportedAddressFamily(family)
    adopted = socket.fromfd(descriptor, family, socket.SOCK_STREAM)
    local = family == socket.AF_UNIX
    name = adopted.getpeername()
    peer = UNIXAddress(adopted.getsockname()) if local else internet_address("TCP", name)
    protocol: Any = factory.buildProtocol(peer)
    if protocol is None:
        adopted.close()
        return None
    if local and IFileDescriptorReceiver.providedBy(protocol):
        return _adopt_receiver(reactor, adopted, protocol)
    stream = (UNIXStream if local else TCPStream)(_Adoption(reactor, protocol, name))
    ride(reactor.loop, stream, adopted)
    stream.write = partial(_write_soon, stream)
    return stream


def _write_soon(stream: Stream, data: bytes) -> None:
    """Write to a stream which uvloop has by then."""
    # Refuses text at once, and copies what may change.
    written = b"" + data
    stream.reactor.loop.call_soon(lambda: stream.write(written))


def _adopt_receiver(reactor: ForgeReactor, adopted: socket.socket, protocol: Any) -> unix.Server:
    """Let Twisted's transport have a protocol that receives descriptors, which uvloop would lose."""
    transport = unix.Server(adopted, protocol, adopted.getpeername(), None, 0, reactor)
    protocol.makeConnection(transport)
    return transport
