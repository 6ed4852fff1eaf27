"""Clients: Twisted's connect, and hand the connected socket to uvloop."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet import tcp, unix
from twisted.internet.error import ConnectError, getConnectError
from twisted.internet.interfaces import IFileDescriptorReceiver, IProtocol
from twisted.internet.protocol import Protocol
from twisted.python import log
from twisted.python.failure import Failure

from netforge.reactor.loops import ride
from netforge.reactor.streams import Stream
from netforge.reactor.tcp import TCPStream
from netforge.reactor.unix import UNIXStream

if TYPE_CHECKING:
    from netforge.reactor.reactor import ForgeReactor

__all__ = ["TCPConnector", "UNIXConnector"]


class _Attempt(tcp.BaseClient):
    """An attempt to connect: Twisted's client until it is connected, then the origin of the stream in its place."""

    connects = True
    stream: ClassVar[type[Stream]]

    reactor: ForgeReactor
    connector: Any

    def _connectDone(self) -> None:
        ride(self.reactor.loop, self.stream(self), self.socket)

    def established(self, stream: Stream) -> None:
        connector = getattr(self, "connector", None)
        if connector is None:
            # It timed out, or was given up, while uvloop took the socket.
            stream.discard()
            return
        try:
            protocol = connector.buildProtocol(stream.getPeer())
        except BaseException:
            failure = Failure()
            log.err(failure)
            stream.discard()
            self.failIfNotConnected(ConnectError(string=failure))
            return
        if protocol is None:
            # As in Twisted's clients: a connection nevertheless, which is lost at once.
            protocol = Protocol()
            protocol.connectionMade = stream.loseConnection  # type: ignore[method-assign]
        self._start(stream, protocol)

    def _start(self, stream: Stream, protocol: IProtocol) -> None:
        self.connector.transport = stream
        stream.attempt(lambda: stream.start(protocol))

    def lost(self, stream: Stream, reason: Failure) -> None:
        self.connector.connectionLost(reason)


class _TCPAttempt(_Attempt, tcp.Client):
    stream = TCPStream


class _UNIXAttempt(_Attempt, unix.Client):
    stream = UNIXStream

    def doConnect(self) -> None:
        super().doConnect()
        if hasattr(self, "connector") and "doRead" in vars(self):
            # Twisted waits, but the backlog is full: the kernel does not wait for room in it, nor does uvloop notice.
            self.failIfNotConnected(getConnectError((errno.EAGAIN, os.strerror(errno.EAGAIN))))

    def _start(self, stream: Stream, protocol: IProtocol) -> None:
        if not IFileDescriptorReceiver.providedBy(protocol):
            super()._start(stream, protocol)
            return
        # uvloop would read without the descriptors: stay a client of Twisted's.
        self.socket = stream.detach()
        self.fileno = self.socket.fileno
        self.protocol = protocol
        self.logstr = f"{self._getLogPrefix(protocol)},client"
        self.connected = 1
        self.startReading()
        protocol.makeConnection(self)


class TCPConnector(tcp.Connector):
    """What ``connectTCP`` returns."""

    def _makeTransport(self) -> _TCPAttempt:
        return _TCPAttempt(self.host, self.port, self.bindAddress, self, self.reactor)


class UNIXConnector(unix.Connector):
    """What ``connectUNIX`` returns."""

    def _makeTransport(self) -> Any:
        return _UNIXAttempt(self.address, self, self.reactor, self.checkPID)
