"""The reactor."""

from __future__ import annotations

import socket
from functools import cached_property
from ssl import SSLContext
from typing import Any, cast

from twisted.internet.base import ReactorBase
from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.interfaces import IConnector, IListeningPort

from netforge.reactor.adoptions import adopt
from netforge.reactor.connectors import TCPConnector, UNIXConnector
from netforge.reactor.datagrams import UDPPort
from netforge.reactor.loops import NotReading, new_loop
from netforge.reactor.ports import TCPPort, UNIXPort
from netforge.reactor.signals import ChildSignals
from netforge.reactor.streams import Stream
from netforge.reactor.timers import TimedReactor

__all__ = ["ForgeReactor"]

# Of bytes: what uvloop reads at once, and more than the rest of a record.
_BUFFER_SIZE = 2 * 262_144


class ForgeReactor(TimedReactor):
    """A reactor on a uvloop of its own. See :mod:`netforge.reactor`.

    :ivar loop: the loop.
    :ivar streams: every stream that has a protocol.
    :ivar ports: every port that reads by uvloop.
    :raises ImportError: uvloop is not installed.
    """

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.ports: set[Any] = set()
        super().__init__(new_loop())
        self.loop.set_exception_handler(_log_unless_ours)

    @cached_property
    def buffer(self) -> memoryview:
        """Where uvloop's TLS puts what it decrypts, until it is taken from there in the same breath."""
        return memoryview(bytearray(_BUFFER_SIZE))

    # IReactorTCP and IReactorUNIX.

    def listenTCP(self, port: Any, factory: Any, backlog: int = 50, interface: str = "") -> IListeningPort:
        listening = TCPPort(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> IConnector:
        connector = TCPConnector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
    ) -> IListeningPort:
        listening = UNIXPort(address, factory, backlog, mode, self, wantPID)
        listening.startListening()
        return listening

    def connectUNIX(self, address: Any, factory: Any, timeout: float = 30, checkPID: int = 0) -> IConnector:
        connector = UNIXConnector(address, factory, timeout, self, checkPID)
        connector.connect()
        return connector

    # IReactorUDP.

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> IListeningPort:
        listening = UDPPort(port, protocol, interface, maxPacketSize, self)
        listening.startListening()
        return listening

    # IReactorSSL, with this reactor as the clock rather than the global one.

    def listenSSL(
        self, port: Any, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Serve over TLS.

        :param contextFactory: one of pyOpenSSL's, as in Twisted, or an :class:`ssl.SSLContext`, whose TLS is uvloop's
            own and faster. Then:

            * a protocol is connected after the handshake, and learns of no connection whose handshake fails or takes
              60 seconds; ``handshakeCompleted`` is not called;
            * OpenSSL is the standard library's, and all connections share the context: what differs by name is for
              ``sni_callback``; ``getHandle`` gives an :class:`ssl.SSLObject`;
            * what arrives after ``loseConnection`` is dropped; ``loseWriteConnection`` closes both sides; a connection
              that is aborted is lost with ``ConnectionAborted`` here;
            * a push producer that is not paused does not keep the connection open after ``loseConnection``;
            * nothing can lie beneath it: TLS within TLS, or started in mid-stream, is for the others.

            ``connectSSL`` and ``startTLS`` take the others only.
        """
        if isinstance(contextFactory, SSLContext):
            from netforge.reactor.sslstreams import SSLPort  # noqa: PLC0415  not many need it

            ready = SSLPort(port, factory, backlog, interface, self)
            ready.context = contextFactory
            ready.startListening()
            return ready
        from netforge.reactor.securing import SecuringFactory  # noqa: PLC0415  pyOpenSSL is an extra of Twisted

        secure = SecuringFactory(contextFactory, False, factory, self)
        listening: Any = self.listenTCP(port, secure, backlog, interface)
        listening._type = "TLS"
        return cast(IListeningPort, listening)

    def connectSSL(
        self, host: str, port: int, factory: Any, contextFactory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> IConnector:
        from netforge.reactor.securing import SecuringFactory  # noqa: PLC0415  likewise

        secure = SecuringFactory(contextFactory, True, factory, self)
        return self.connectTCP(host, port, secure, timeout, bindAddress)

    # IReactorSocket.

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: Any, factory: Any) -> IListeningPort:
        listening: Any
        if addressFamily == socket.AF_UNIX:
            listening = UNIXPort._fromListeningDescriptor(self, fileDescriptor, factory)
        elif addressFamily in (socket.AF_INET, socket.AF_INET6):
            listening = TCPPort._fromListeningDescriptor(self, fileDescriptor, addressFamily, factory)
        else:
            raise UnsupportedAddressFamily(addressFamily)
        listening.startListening()
        return cast(IListeningPort, listening)

    def adoptDatagramPort(
        self, fileDescriptor: int, addressFamily: Any, protocol: Any, maxPacketSize: int = 8192
    ) -> IListeningPort:
        if addressFamily not in (socket.AF_INET, socket.AF_INET6):
            raise UnsupportedAddressFamily(addressFamily)
        listening: Any = UDPPort._fromListeningDescriptor(self, fileDescriptor, addressFamily, protocol, maxPacketSize)
        listening.startListening()
        return cast(IListeningPort, listening)

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: Any, factory: Any) -> Any:
        return adopt(self, fileDescriptor, addressFamily, factory)

    # IReactorFDSet, for streams and ports too.

    def addReader(self, reader: Any) -> None:
        if isinstance(reader, Stream):
            reader.startReading()
        else:
            super().addReader(reader)

    def removeReader(self, reader: Any) -> None:
        if isinstance(reader, Stream):
            reader.stopReading()
        else:
            super().removeReader(reader)

    def addWriter(self, writer: Any) -> None:
        if isinstance(writer, Stream):
            writer.startWriting()
        else:
            super().addWriter(writer)

    def removeWriter(self, writer: Any) -> None:
        if not isinstance(writer, Stream):
            super().removeWriter(writer)

    def getReaders(self) -> list[Any]:
        return [*super().getReaders(), *self.ports, *(stream for stream in self.streams if stream.reading)]

    def getWriters(self) -> list[Any]:
        return [*super().getWriters(), *(stream for stream in self.streams if stream.writing)]

    def removeAll(self) -> list[Any]:
        ours = [*self.ports, *self.streams]
        for one in ours:
            one.stopReading()
        return [*super().removeAll(), *ours]

    # The loop.

    def crash(self) -> None:
        ReactorBase.crash(self)
        # A turn later than usual: disconnectAll comes next, and what it aborts closes its descriptor in that turn.
        self.loop.call_soon(self.loop.stop)

    def _signalsFactory(self) -> ChildSignals:
        return ChildSignals(ReactorBase._signalsFactory(self), self.callFromThread)


def _log_unless_ours(loop: Any, context: dict[str, Any]) -> None:
    """Log what asyncio's code raises. What a stream's protocol raises, the stream logs."""
    if not isinstance(context.get("exception"), NotReading) and not isinstance(context.get("protocol"), Stream):
        loop.default_exception_handler(context)
