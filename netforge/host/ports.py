"""Listening ports whose sockets stay while what they serve is exchanged."""

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, ILoggingContext, IProtocol, IProtocolFactory
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import AbstractDatagramProtocol, DatagramProtocol
from twisted.logger import Logger
from zope.interface import implementer

from netforge.host.connections import Connections
from netforge.host.sockets import BACKLOG, bind, remove_unix_socket
from netforge.host.unix import UnixPort
from netforge.plugin import Address, Inherited, Internet, IReactor, Unix

__all__ = ["Port"]

log = Logger()

#: How Twisted's ports sign their messages in the log.
LOG_PREFIX = "netforge"

#: The largest datagram that is received whole: all that UDP can carry (RFC 768).
LARGEST_DATAGRAM = 65535


class Port:
    """One listening socket. It is bound, then listens, then serves one factory after another, and is closed.

    :param address: where.
    :param reactor: whose sockets it uses. Sockets of the kernel are bound early and adopted; a reactor that is not
        built on them is asked to listen when the time has come.
    """

    def __init__(self, address: Address, reactor: IReactor) -> None:
        self.address = address
        self._reactor = reactor
        self._socket: socket.socket | None = None
        self._inode = 0
        self._listening: IListeningPort | None = None
        self._held: set[Hashable] = set()
        self._switch: Any = DatagramSwitch() if address.datagram else StreamSwitch()

    def bind(self) -> None:
        """Take the address.

        :raises OSError: if it cannot be had.
        """
        if isinstance(self._reactor, PosixReactorBase):
            self._socket = bind(self.address)
            if isinstance(self.address, Unix):
                self._inode = self.address.path.stat().st_ino

    def listen(self) -> None:
        """Begin to accept, unless it does already.

        :raises OSError: if the address cannot be had after all.
        """
        if self._socket is not None:
            self._listening = self._adopt(self._socket)
            self._socket.close()
            self._socket = None
        elif self._listening is None:
            try:
                self._listening = self._listen()
            except CannotListenError as error:
                raise error.socketError from error
        else:
            return
        if self._held:
            listening: Any = self._listening
            listening.pauseProducing()

    def prepare(self, served: Any) -> None:
        """Start a stream factory, or connect a datagram protocol to this port. May raise whatever it raises."""
        self._switch.prepare(served)

    def serve(self, served: Any, connections: Connections) -> None:
        """Give what arrives from now on to *served*, which was prepared."""
        self._switch.serve(served, connections, str(self.address))

    def hold(self, reason: Hashable, hold: bool) -> None:
        """Leave what arrives in the kernel's queue as long as there is a reason to."""
        before = bool(self._held)
        (self._held.add if hold else self._held.discard)(reason)
        listening: Any = self._listening
        if bool(self._held) is before or listening is None:
            return
        if hold:
            listening.pauseProducing()
        else:
            listening.resumeProducing()

    @property
    def actual(self) -> Address:
        """The address in use, with the port that the system chose."""
        assert self._listening is not None
        match self._listening.getHost():
            case IPv4Address(type, host, port):
                return Internet(type.lower(), host, port)  # type: ignore[arg-type]  # TCP or UDP
            case IPv6Address(type, host, port):
                return Internet(f"{type.lower()}6", host, port)  # type: ignore[arg-type]  # TCP or UDP
            case _:
                return self.address

    async def close(self) -> None:
        """Accept nothing more and give the address back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._listening is not None:
            listening, self._listening = self._listening, None
            await (listening.stopListening() or succeed(None))
        if isinstance(self.address, Unix) and self._inode:
            try:
                remove_unix_socket(self.address.path, self._inode)
            except OSError as error:
                log.warn("the socket file {path} is left behind: {error}", path=self.address.path, error=error)

    def _adopt(self, made: socket.socket) -> IListeningPort:
        reactor: Any = self._reactor
        adopted: IListeningPort
        if self.address.datagram:
            adopted = reactor.adoptDatagramPort(made.fileno(), made.family, self._switch, LARGEST_DATAGRAM)
        elif made.family == socket.AF_UNIX:
            made.listen(BACKLOG)
            adopted = UnixPort(made.dup(), self._switch, reactor)
            adopted.startListening()
        else:
            made.listen(BACKLOG)
            adopted = reactor.adoptStreamPort(made.fileno(), made.family, self._switch)
        return adopted

    def _listen(self) -> IListeningPort:
        match self.address:
            case Internet(_, host, port) if self.address.datagram:
                return self._reactor.listenUDP(port, self._switch, host, LARGEST_DATAGRAM)
            case Internet(_, host, port):
                return self._reactor.listenTCP(port, self._switch, BACKLOG, host)
            case Unix(path):
                return self._reactor.listenUNIX(str(path), self._switch, BACKLOG)
            case Inherited():
                raise OSError("this reactor cannot take over a descriptor")


@implementer(IProtocolFactory, ILoggingContext)
class StreamSwitch:
    """The factory that a port keeps for life. It builds by whichever factory serves now."""

    noisy = False

    def __init__(self) -> None:
        self._build: Callable[[IAddress], IProtocol | None] = _refuse
        self._connections: Connections | None = None
        self._listener = ""

    def prepare(self, factory: IProtocolFactory) -> None:
        factory.doStart()

    def serve(self, factory: IProtocolFactory, connections: Connections, listener: str) -> None:
        self._build = factory.buildProtocol
        self._connections = connections
        self._listener = listener

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        protocol = self._build(addr)
        if protocol is not None and self._connections is not None:
            self._connections.track(protocol, self._listener)
        return protocol

    def logPrefix(self) -> str:
        return LOG_PREFIX

    def doStart(self) -> None:
        """The factories that serve are started and stopped with their service, not with the port."""

    def doStop(self) -> None:
        """See :meth:`doStart`."""


def _refuse(addr: IAddress) -> None:
    return None


class DatagramSwitch(DatagramProtocol):
    """The protocol that a UDP port keeps for life. What receives now gets the datagrams without a call between."""

    noisy = False

    def logPrefix(self) -> str:
        return LOG_PREFIX

    def prepare(self, receiver: AbstractDatagramProtocol) -> None:
        assert self.transport is not None
        receiver.makeConnection(self.transport)

    def serve(self, receiver: AbstractDatagramProtocol, connections: Connections, listener: str) -> None:
        self.datagramReceived = receiver.datagramReceived  # type: ignore[method-assign]  # the point of the class
