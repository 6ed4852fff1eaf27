"""Listening ports: sockets of Twisted's making on which uvloop accepts."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IFileDescriptorReceiver, IProtocol
from twisted.python import log
from twisted.python.failure import Failure

from netforge.reactor.loops import result_of, ride
from netforge.reactor.streams import Stream
from netforge.reactor.tcp import TCPStream
from netforge.reactor.unix import UNIXStream

if TYPE_CHECKING:
    from asyncio import AbstractServer

    from netforge.reactor.reactor import ForgeReactor

__all__ = ["TCPPort", "UNIXPort"]

#: Seconds between two connections from which on more may have come, and how many of those are taken at once.
LONG_TURN = 0.002
MOST_AT_ONCE = 32


class _Accepting(tcp.Port):
    """How a port accepts: uvloop does it, on a duplicate of the port's socket while the port reads.

    So the socket stays the port's, to be inspected and adopted, and a port that pauses leaves connections in the
    backlog.
    """

    connects = False
    stream: ClassVar[type[Stream]]

    reactor: ForgeReactor
    factory: Any
    _server: AbstractServer | None = None
    _last = 0.0

    def startReading(self) -> None:
        if self._server is None:
            server = self.reactor.loop.create_server(
                partial(self.stream, self),
                sock=self.socket.dup(),
                # What an adopted port was made with is not known.
                backlog=self.backlog or socket.SOMAXCONN,
                **self.serving_options(),
            )
            self._server = result_of(server)
            self.reactor.ports.add(self)

    def serving_options(self) -> dict[str, Any]:
        """What else uvloop is to know of how to serve."""
        return {}

    def stopReading(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self.reactor.ports.discard(self)

    def established(self, stream: Stream) -> None:
        self._take_more()
        try:
            protocol = self.factory.buildProtocol(stream.getPeer()) if self.connected else None
        except BaseException:
            log.err()
            protocol = None
        if protocol is None:
            stream.discard()
            return
        stream.sessionno = self.sessionno
        self.sessionno += 1
        try:
            self._start(stream, protocol)
        except BaseException:
            log.err()

    def _take_more(self) -> None:
        """Accept what has waited: libuv takes one connection a turn, and with much to do a turn is long."""
        now = self.reactor.seconds()
        passed, self._last = now - self._last, now
        if passed < LONG_TURN or self._server is None:
            return
        for _ in range(MOST_AT_ONCE):
            try:
                accepted, _ = self.socket.accept()
            except OSError:
                # There is none, or what is wrong uvloop will say.
                return
            accepted.setblocking(False)
            ride(self.reactor.loop, self.stream(self), accepted, **self.serving_options())

    def _start(self, stream: Stream, protocol: IProtocol) -> None:
        stream.start(protocol)

    def lost(self, stream: Stream, reason: Failure) -> None:
        """A port does not mind."""


class TCPPort(_Accepting):
    """A listening TCP port."""

    stream = TCPStream

    def established(self, stream: Stream) -> None:
        if cast(TCPStream, stream).has_peer:
            super().established(stream)
        else:
            # Reset before it was accepted, as those who only look whether a port is open do.
            stream.discard()


class UNIXPort(_Accepting, unix.Port):
    """A listening UNIX socket."""

    stream = UNIXStream

    def _start(self, stream: Stream, protocol: IProtocol) -> None:
        if not IFileDescriptorReceiver.providedBy(protocol):
            stream.start(protocol)
            return
        # uvloop would read without the descriptors: this connection is for Twisted's transport.
        peer = stream.transport_socket.getpeername()
        own = unix.Server(stream.detach(), protocol, peer, self, stream.sessionno, self.reactor)
        protocol.makeConnection(own)
