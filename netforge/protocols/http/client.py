"""The client's side of HTTP/1.1: a connection to a server, for one request after the other."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener, IProtocol, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.deadlines import Deadline
from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._requests import RequestWriter
from netforge.protocols.http._responses import ResponseReader
from netforge.protocols.http.errors import BadResponse, NoResponse, ResponseCut, ResponseTimeout
from netforge.protocols.http.events import Data, End, Response, ResponseEvent
from netforge.protocols.http.exchange import Fields
from netforge.protocols.http.outgoing import OutgoingExchange
from netforge.protocols.interfaces import IStreamTransport

__all__ = ["HTTPClientProtocol"]

log = Logger()


@implementer(IHandshakeListener, IPushProducer)
class HTTPClientProtocol(Protocol):
    """A connection to a server.

    As a producer, it is told by its transport whether there is room for requests.

    :param clock: where the time comes from.
    :param first: seconds that the server may take from the end of a request to the head of its response.
    :param between: seconds that it may be silent within the body.
    :param idle: seconds without a request after which the connection is closed.
    :param max_head: the most bytes of status line and fields, and of trailers.
    :param max_fields: the most fields.
    """

    transport: IStreamTransport

    def __init__(
        self,
        clock: IReactorTime,
        *,
        first: float | None = 60.0,
        between: float | None = 60.0,
        idle: float | None = 60.0,
        max_head: int = 32 * 1024,
        max_fields: int = 100,
    ) -> None:
        self._first = Deadline(clock, first, self._head_is_late)
        self._between = Deadline(clock, between, self._body_is_late)
        self._idle = Deadline(clock, idle, self._idled)
        self._reader = ResponseReader(max_head, max_fields)
        self._exchange: OutgoingExchange | None = None
        self._lost: Failure | None = None
        self._heard = False
        self._writable = True
        self._paused = False
        # Whether the response under way is the last, and whether the connection can be used no more.
        self._last = self._spent = False
        self._room: list[Deferred[None]] = []
        self._secured: Deferred[None] = Deferred()
        self._successor: IProtocol | None = None

    @property
    def free(self) -> bool:
        """Whether the next request may begin."""
        return self._exchange is None and not self._spent

    def secured(self) -> Deferred[None]:
        """Fires once the handshake of TLS is complete.

        :raises Exception: through the Deferred, what has ended the connection before.
        """
        return self._secured

    def begin(
        self,
        method: str,
        target: str,
        headers: Fields,
        length: int | None = 0,
        *,
        upgrade: str = "",
        informed: Callable[[Response], object] | None = None,
    ) -> OutgoingExchange:
        """Send the head of a request. Unless *length* is 0, the body and its end follow.

        :param target: such as ``/path?query``.
        :param headers: the fields, with one Host, and without Connection, Content-Length, Transfer-Encoding and
            Upgrade, which are the client's own.
        :param length: bytes of the body; ``None`` sends it in chunks.
        :param upgrade: the protocols that are offered to switch to (RFC 9110, section 7.8).
        :param informed: called with each interim response.
        :raises LocalProtocolError: if it cannot be said, or the connection is not free.
        """
        if not self.free:
            raise LocalProtocolError("the connection is lost, or not done with the last request")
        writer = RequestWriter()
        said = writer.begin(method, target, headers, length, upgrade)
        if length == 0:
            said += writer.end()
        self._exchange = exchange = OutgoingExchange(self, writer, informed)
        self._reader.expect(method, offered=bool(upgrade))
        self._heard = False
        self.say(exchange, said)
        return exchange

    def close(self) -> None:
        """Cut the connection, and the exchange that is under way."""
        self._spent = True
        if self._lost is None:
            self.transport.abortConnection()

    # What the transport tells.

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        for deadline in (self._first, self._between, self._idle):
            deadline.start()

    def handshakeCompleted(self) -> None:
        """See ``IHandshakeListener``."""
        self._secured.callback(None)

    def dataReceived(self, data: bytes) -> None:
        if self._successor is not None:
            self._successor.dataReceived(data)
            return
        if self._spent:
            return
        self._heard = True
        self._between.progress()
        try:
            self._deliver(self._reader.receive_data(data))
        except BadResponse as error:
            self._deliver(self._reader.salvaged())
            self._spent = True
            if self._exchange is None:
                log.warn("{peer}: {error}", peer=self.transport.getPeer(), error=error)
                self.transport.abortConnection()
            else:
                self.give_up(self._exchange, error)
        self.balance()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = reason
        self._spent = True
        self._stop_deadlines()
        if not self._secured.called:
            self._secured.addErrback(lambda failure: None)
            self._secured.errback(reason)
        if self._successor is not None:
            self._successor.connectionLost(reason)
        elif reason.check(ConnectionDone):
            self._deliver(self._reader.receive_end())
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            kind = ResponseCut if self._heard else NoResponse
            exchange.failed(kind(reason.getErrorMessage()))
        self._let_write()

    def pauseProducing(self) -> None:
        """The transport has no room."""
        self._writable = False

    def resumeProducing(self) -> None:
        """The transport has room again."""
        self._writable = True
        self._first.progress()
        self._let_write()

    def stopProducing(self) -> None:
        """The connection is lost: that will be told."""

    # What the exchange asks for.

    def say(self, exchange: OutgoingExchange, said: bytes) -> None:
        """Send something of a request."""
        if exchange is self._exchange and said:
            self._first.progress()
            self.transport.write(said)

    def when_writable(self) -> Deferred[None]:
        """Fires when there is room for more of a request, or the connection is lost."""
        if self._writable or self._spent:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._room.remove)
        self._room.append(waiting)
        return waiting

    def balance(self) -> None:
        """Let the server send, or make it wait."""
        full = self._exchange is not None and self._exchange.full
        if full is not self._paused and self._lost is None:
            self._paused = full
            if full:
                self.transport.pauseProducing()
            else:
                self._between.progress()
                self.transport.resumeProducing()

    def give_up(self, exchange: OutgoingExchange, error: Exception) -> None:
        """End an exchange, and with it the connection."""
        if exchange is self._exchange:
            self._exchange = None
            self._spent = True
            self.transport.abortConnection()
            exchange.failed(error)
            self._let_write()

    def switch(self, protocol: IProtocol) -> None:
        """Leave the connection to another protocol, with what has come for it."""
        self._exchange = None
        self._spent = True
        self._stop_deadlines()
        self.transport.unregisterProducer()
        self._successor = protocol
        protocol.makeConnection(self.transport)
        if rest := self._reader.switch():
            protocol.dataReceived(rest)
        self.balance()

    # From events to the exchange.

    def _deliver(self, events: list[ResponseEvent]) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        for event in events:
            if exchange.over:
                # It was given up by whoever was told of the events before.
                return
            if type(event) is Data:
                exchange.data_received(event.data)
            elif type(event) is Response:
                self._last = not event.keep_alive
                self._between.progress()
                exchange.head_received(event)
            elif type(event) is End:
                self._finish(exchange, event)
        exchange.tell()

    def _finish(self, exchange: OutgoingExchange, end: End) -> None:
        self._exchange = None
        self._idle.progress()
        if not exchange.sent:
            # What is not said yet would have to be said to the end.
            self.close()
        elif self._last and self._lost is None:
            self._spent = True
            self.transport.loseConnection()
        exchange.ended(end.trailers)

    # When nothing happens.

    def _head_is_late(self) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.head is None and (exchange.sent or not self._writable):
            self.give_up(exchange, ResponseTimeout("the server took too long to answer"))
        elif self._lost is None:
            self._first.start()

    def _body_is_late(self) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.head is not None and not exchange.full and exchange.starved:
            self.give_up(exchange, ResponseTimeout("the server fell silent in the middle of its response"))
        elif self._lost is None:
            self._between.start()

    def _idled(self) -> None:
        if self._spent and self._exchange is None:
            # It was closed, and the server has not agreed.
            self.transport.abortConnection()
            return
        if self._exchange is None:
            self._spent = True
            self.transport.loseConnection()
        self._idle.start()

    def _stop_deadlines(self) -> None:
        for deadline in (self._first, self._between, self._idle):
            deadline.stop()

    def _let_write(self) -> None:
        room, self._room = self._room, []
        for waiting in room:
            waiting.callback(None)
