"""A stream of HTTP/2 as a transport (RFC 8441; RFC 9113, section 8.5): what a protocol gets that was switched to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IAddress, IConsumer, IProducer, IProtocol, IPushProducer, ITransport
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.interfaces import IDrainable, IStreamTransport

if TYPE_CHECKING:
    from netforge.protocols.http._stream import HTTP2Exchange

__all__ = ["DONE", "Tunnel"]

#: Why a stream is over that has ended in good order.
DONE = Failure(CONNECTION_DONE)


@implementer(ITransport, IConsumer, IPushProducer)
class Tunnel:
    """What the protocol says becomes data of the stream, and the other way round.

    What is not read stays within the window of the stream, and so the client has to wait.

    :ivar transport: of the connection, and so of all of its streams.
    """

    def __init__(self, exchange: HTTP2Exchange, protocol: IProtocol) -> None:
        self.transport: IStreamTransport = exchange.transport
        self._exchange = exchange
        self._protocol = protocol
        self._unread: deque[bytes] = deque()
        self._reading = True
        self._writing = True
        self._lost = False
        self._producer: IPushProducer | None = None
        self._producing = True

    # What the exchange tells.

    def open(self) -> None:
        """Connect the protocol."""
        self._protocol.makeConnection(self)

    def data_received(self, data: bytes) -> None:
        """The client said something."""
        self._unread.append(data)
        self._deliver()

    def ended(self) -> None:
        """The client says no more."""
        self._deliver()

    def lost(self, reason: Failure) -> None:
        """The stream is over."""
        if self._lost:
            return
        self._lost = True
        self._writing = self._reading = False
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._protocol.connectionLost(reason)

    def drain(self) -> None:
        """Have the protocol finish, if it can."""
        if (drainable := IDrainable(self._protocol, None)) is not None:
            drainable.drain()

    def _deliver(self) -> None:
        while self._reading and self._unread:
            data = self._unread.popleft()
            self._exchange.taken(len(data))
            self._protocol.dataReceived(data)
        if self._reading and self._exchange.received:
            self.loseConnection()

    # ITransport.

    def write(self, data: bytes) -> None:
        """Send, or have it wait until the client has room. Dropped after the end."""
        if self._writing:
            self._exchange.send(data)
            if self._producer is not None and self._producing and self._exchange.crowded:
                self._producing = False
                self._producer.pauseProducing()
                self._exchange.ready().addCallback(self._resume)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:  # noqa: N802  Twisted's name
        """End the stream, once all is sent. What the client says until then is dropped."""
        if self._writing:
            self._writing = self._reading = False
            self._unread.clear()
            self._exchange.finish()

    # The client need not say the rest either (RFC 9113, section 8.1).
    loseWriteConnection = loseConnection  # noqa: N815  likewise

    def abortConnection(self) -> None:  # noqa: N802  likewise
        """Cut the stream short."""
        self._writing = self._reading = False
        self._exchange.cut()

    def getPeer(self) -> IAddress:  # noqa: N802  likewise
        return self.transport.getPeer()

    def getHost(self) -> IAddress:
        return self.transport.getHost()

    # IPushProducer: what the client sends.

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        if self._writing:
            self._reading = True
            self._deliver()

    def stopProducing(self) -> None:
        self.loseConnection()

    # IConsumer: what the client is sent.

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: N802  likewise
        """Tell a producer whether the client has room.

        :raises ValueError: if it is no push producer.
        """
        if not streaming:
            raise ValueError("a stream takes push producers only")
        self._producer, self._producing = IPushProducer(producer), True
        if self._lost:
            self._producer.stopProducing()

    def unregisterProducer(self) -> None:  # noqa: N802  likewise
        self._producer = None

    def _resume(self, _: None) -> None:
        self._producing = True
        if self._producer is not None:
            self._producer.resumeProducing()
