"""Twisted's own transports, on simulated sockets instead of the kernel's."""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp, udp, unix
from twisted.internet.error import CannotListenError

__all__ = ["DatagramPort", "StreamConnector", "StreamPort", "UNIXConnector", "UNIXPort"]


class StreamPort(tcp.Port):
    """Listens for streams over TCP."""

    def createInternetSocket(self) -> Any:
        reactor: Any = self.reactor
        return reactor.listening_socket(self.addressFamily)


class DatagramPort(udp.Port):
    """Sends and receives UDP."""

    def createInternetSocket(self) -> Any:
        reactor: Any = self.reactor
        return reactor.datagram_socket(self.addressFamily)


class _StreamClient(tcp.Client):
    def createInternetSocket(self) -> Any:
        # Its reactor is known only once it has a socket.
        return self.connector.reactor.stream_socket(self.addressFamily)


class StreamConnector(tcp.Connector):
    """Connects over TCP."""

    def _makeTransport(self) -> Any:
        return _StreamClient(self.host, self.port, self.bindAddress, self, self.reactor)


class UNIXPort(unix.Port):
    """Listens at a path that only its machine has."""

    def createInternetSocket(self) -> Any:
        reactor: Any = self.reactor
        return reactor.listening_socket(self.addressFamily)

    def startListening(self) -> None:
        # Twisted's also sets the file's mode, and there is no file.
        factory: Any = self.factory
        factory.doStart()
        listening = self.createInternetSocket()
        try:
            listening.bind(self._bindPath)
        except OSError as error:
            listening.close()
            raise CannotListenError(None, self._bindPath, error) from error
        listening.listen(self.backlog)
        self.socket = listening
        self.fileno = listening.fileno  # type: ignore[method-assign]  # as in all of Twisted's ports
        self.connected = True
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Any) -> None:
        # Twisted's also removes the file.
        tcp.Port.connectionLost(self, reason)


class _UNIXClient(unix.Client):
    def createInternetSocket(self) -> Any:
        return self.connector.reactor.stream_socket(self.addressFamily)


class UNIXConnector(unix.Connector):
    """Connects to a path on the same machine."""

    def _makeTransport(self) -> Any:
        return _UNIXClient(self.address, self, self.reactor, self.checkPID)
