"""A listening UNIX socket that leaves the socket's file alone.

Twisted's own port makes the file of an adopted socket writable to the world and removes it at the end. Both are wrong
for a socket that systemd made, and the first fails where another user owns it.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IProtocolFactory, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["UnixPort"]

log = Logger()

#: Connections taken at one reading, so that a rush of clients does not starve the others.
AT_ONCE = 100

#: Seconds to wait when the process or the system has no descriptor left.
PATIENCE = 1.0


@implementer(IListeningPort, IReadDescriptor)
class UnixPort:
    """Accept connections on a UNIX stream socket.

    :param listening: a socket that listens; it belongs to this object from now on.
    :param factory: builds the protocols.
    :param reactor: provides ``IReactorFDSet``, ``IReactorSocket`` and ``IReactorTime``.
    """

    def __init__(self, listening: socket.socket, factory: IProtocolFactory, reactor: Any) -> None:
        self._socket = listening
        self._factory = factory
        self._reactor = reactor
        self._pause: IDelayedCall | None = None

    def startListening(self) -> None:
        """Begin to accept."""
        self._factory.doStart()
        self._reactor.addReader(self)

    def stopListening(self) -> Deferred[None]:
        """Accept nothing more and close the socket. Connections live on."""
        self.pauseProducing()
        self._socket.close()
        self._factory.doStop()
        return succeed(None)

    def pauseProducing(self) -> None:
        """Leave connections in the backlog."""
        self._reactor.removeReader(self)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def resumeProducing(self) -> None:
        """Accept again."""
        self._reactor.addReader(self)

    def getHost(self) -> UNIXAddress:
        """The socket's own address."""
        return UNIXAddress(self._socket.getsockname())

    def fileno(self) -> int:
        """The descriptor of the socket; -1 once it is closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """What log messages begin with."""
        return "netforge"

    def doRead(self) -> None:
        """Accept what waits."""
        for _ in range(AT_ONCE):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warn("cannot accept on {socket}: {error}", socket=self._socket.getsockname(), error=error)
                self._reactor.removeReader(self)
                self._pause = self._reactor.callLater(PATIENCE, self._resume)
                return
            with accepted:
                accepted.setblocking(False)
                try:
                    self._reactor.adoptStreamConnection(accepted.fileno(), socket.AF_UNIX, self._factory)
                except Exception:  # a factory may raise anything, and the reactor would then drop the port
                    log.failure("cannot serve a connection on {socket}", socket=self._socket.getsockname())

    def connectionLost(self, reason: Failure) -> None:
        """The reactor dropped the descriptor, as it does when it ends."""
        self._socket.close()

    def _resume(self) -> None:
        self._pause = None
        self.resumeProducing()
