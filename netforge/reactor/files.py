"""Sending files whose bytes do not pass through this process (``sendfile``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from netforge.reactor.streams import Stream

__all__ = ["FileSending"]


@implementer(IWriteDescriptor)
class FileSending:
    """A part of a file on its way, over a duplicate of the socket: uvloop lets nobody wait for its own.

    :param stream: what it is sent over, of which nothing else waits to be sent.
    :param descriptor: the file.
    :param start: where to begin.
    :param size: how many bytes to send.
    :ivar done: fires with how many were sent: all of them, or fewer if the file ends, the connection is lost, or this
        is cancelled.
    """

    def __init__(self, stream: Stream, descriptor: int, start: int, size: int) -> None:
        self._reactor = stream.reactor
        self._socket = stream.transport_socket.dup()
        self._descriptor = descriptor
        self._start = start
        self._sent = 0
        self._size = size
        self._waiting = False
        self.done: Deferred[int] = Deferred(lambda cancelled: self._finish())
        self.doWrite()

    def doWrite(self) -> None:
        """Send what there is room for."""
        try:
            sent = os.sendfile(
                self._socket.fileno(), self._descriptor, self._start + self._sent, self._size - self._sent
            )
        except BlockingIOError:
            pass
        except OSError:
            # The stream will be told, too.
            self._finish()
            return
        else:
            self._sent += sent
            if not sent or self._sent == self._size:
                self._finish()
                return
        if not self._waiting:
            self._waiting = True
            self._reactor.addWriter(self)

    def connectionLost(self, reason: Failure) -> None:
        self._finish()

    def fileno(self) -> int:
        descriptor: int = self._socket.fileno()
        return descriptor

    def logPrefix(self) -> str:
        return type(self).__name__

    def _finish(self) -> None:
        if self._waiting:
            self._reactor.removeWriter(self)
        self._waiting = False
        self._socket.close()
        self.done.callback(self._sent)
