"""A connection to a server, up to where HTTP begins."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IProtocolNegotiationFactory,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import IStreamTransport

__all__ = ["LARGEST_HEAD", "Line", "LineFactory"]

#: The most bytes that may come before a response's head is complete: Twisted's client itself takes fields without end.
#: So much that the body, which comes along in the last piece, does not matter.
LARGEST_HEAD = 1024 * 1024


@implementer(IHandshakeListener)
class Line(Protocol):
    """Passes on what comes to the protocol of HTTP, once TLS has been agreed on if there is TLS.

    :ivar ready: fires with the protocol of HTTP.
    :ivar reused: whether it has carried a request before.
    """

    factory: LineFactory
    transport: IStreamTransport

    def __init__(self, address: IAddress) -> None:
        self.ready: Deferred[IProtocol] = Deferred(lambda _: self.cut())
        self.reused = False
        self._address = address
        self._inner: IProtocol | None = None
        self._room: int | None = LARGEST_HEAD

    def connectionMade(self) -> None:
        """Begin, or wait for TLS."""
        self.factory.connected()
        if not self.factory.secure:
            self._begin()

    def handshakeCompleted(self) -> None:
        """Begin."""
        self._begin()

    def _begin(self) -> None:
        inner = self._inner = self.factory.inner.buildProtocol(self._address)
        assert inner is not None
        inner.makeConnection(self.transport)
        self.ready.callback(inner)

    def expect_head(self) -> None:
        """A request begins: what comes is bounded until :meth:`expect_body`."""
        self._room = LARGEST_HEAD

    def expect_body(self) -> None:
        """The head is there. Whoever reads the body bounds it."""
        self._room = None

    def cut(self) -> None:
        """End it at once."""
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Pass it on."""
        if self._room is not None:
            self._room -= len(data)
            if self._room < 0:
                self.cut()
                return
        if self._inner is not None:
            self._inner.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif not self.ready.called:
            self.ready.errback(reason)


@implementer(IProtocolNegotiationFactory)
class LineFactory(Factory[Line]):
    """Makes one line.

    :param inner: makes the protocol of HTTP.
    :param secure: whether to wait for TLS.
    :param connected: called once the server, or the proxy's tunnel to it, is there.
    """

    noisy = False

    def __init__(self, inner: IProtocolFactory, connected: Callable[[], object], *, secure: bool) -> None:
        self.inner = inner
        self.connected = connected
        self.secure = secure

    def acceptableProtocols(self) -> list[bytes]:
        """What is agreed on in TLS."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Line:
        """A line."""
        assert addr is not None
        line = Line(addr)
        line.factory = self
        return line
