"""One connection of HTTP/1.1 on the server's side: requests in their order, each answered before the next begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.deadlines import Deadline
from netforge.protocols.http._exchange import HTTP1Exchange
from netforge.protocols.http._reader import RequestReader
from netforge.protocols.http._surroundings import PREFACE, Surroundings
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.events import Data, End, Event, Request
from netforge.protocols.http.running import run
from netforge.protocols.interfaces import IDrainable, IStreamTransport

__all__ = ["HTTP1Protocol"]

#: What is parsed at once, in bytes: so a read full of small requests does not become thousands of them in memory.
PIECE = 8 * 1024
#: The most events that wait for the response before them.
MOST_WAITING = 64
#: Seconds for a client to read the last response before the connection is closed under it.
LINGER = 2.0


@implementer(IDrainable, IHalfCloseableProtocol, IPushProducer)
class HTTP1Protocol(Protocol):
    """A connection. As a producer, it is told by its transport whether there is room for responses.

    :ivar surroundings: what it shares with others.
    :ivar writable: whether the transport has room.
    """

    transport: IStreamTransport

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.writable = True
        self._reader = RequestReader(surroundings.max_head, surroundings.max_fields)
        self._deadline = Deadline(surroundings.clock, surroundings.idle, self._expired)
        self._exchange: HTTP1Exchange | None = None
        self._queue: deque[Event] = deque()
        self._unparsed = b""
        self._error: BadRequest | None = None
        self._running = False
        self._paused = False
        # Whether there were responses already.
        self._answered = False
        # Whether the client says no more, the response under way is the last, and the last has been sent.
        self._ended = False
        self._last = False
        self._closing = False
        self._room: list[Deferred[None]] = []
        self._sending: Deferred[int] | None = None
        self._successor: IProtocol | None = None
        # The first bytes, as long as they may be those of HTTP/2.
        self._opening: bytes | None = b""

    # What the transport tells.

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        self._deadline.start()

    def dataReceived(self, data: bytes) -> None:
        if self._opening is not None:
            data = self._opening + data
            agreed = getattr(self.transport, "negotiatedProtocol", None) == b"h2"
            if agreed or PREFACE.startswith(data[: len(PREFACE)]):
                self._open(data)
                return
            self._opening = None
        if self._successor is not None:
            self._successor.dataReceived(data)
            return
        if self._closing:
            return
        if not self._reader.in_head:
            # The head as a whole has a deadline, however it trickles in.
            self._deadline.progress()
        self._unparsed += data
        self.proceed()

    def readConnectionLost(self) -> None:
        """The client says no more, but may want to read what it asked for."""
        self._ended = True
        if self._successor is None:
            self.proceed()
        elif IHalfCloseableProtocol.providedBy(self._successor):
            cast(IHalfCloseableProtocol, self._successor).readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        if IHalfCloseableProtocol.providedBy(self._successor):
            cast(IHalfCloseableProtocol, self._successor).writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadline.stop()
        self._closing = True
        self._queue.clear()
        if self._sending is not None:
            self._sending.cancel()
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.connection_lost(reason)
        self._let_write()
        if self._successor is not None:
            self._successor.connectionLost(reason)

    def pauseProducing(self) -> None:
        self.writable = False

    def resumeProducing(self) -> None:
        self.writable = True
        self._deadline.progress()
        self._let_write()
        self.proceed()

    def stopProducing(self) -> None:
        """The connection is lost: that will be told."""

    # What the exchange asks for.

    def when_writable(self) -> Deferred[None]:
        """Fires when there is room for more of a response, or the connection is lost."""
        if self.writable or self._closing:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._room.remove)
        self._room.append(waiting)
        return waiting

    async def wait_for(self, sending: Deferred[int]) -> int:
        """Wait for what the transport sends by itself. Until then there is no room."""
        self.writable = False
        self._sending = sending
        sent = await sending
        self._sending = None
        if not self._closing:
            self.resumeProducing()
        return sent

    def _balance(self) -> None:
        """Let the client send, or make it wait."""
        exchange = self._exchange
        full = bool(self._unparsed) or len(self._queue) > MOST_WAITING or (exchange is not None and exchange.full)
        if full is not self._paused and not self._closing:
            self._paused = full
            if full:
                self.transport.pauseProducing()
            else:
                # The client could not go on by itself.
                self._deadline.progress()
                self.transport.resumeProducing()

    def finished(self, exchange: HTTP1Exchange, *, close: bool) -> None:
        """An exchange is over.

        :param close: whether the connection ends with it.
        """
        self._exchange = None
        self._answered = True
        if close or self._last:
            self._close(linger=not exchange.received)
            return
        if exchange.request.upgrade:
            self._parse(self._reader.stay, self._reader.switch())
        if not self._running:
            self._deadline.progress()
            self.proceed()

    def cut(self, exchange: HTTP1Exchange, *, noticed: bool) -> None:
        """Cut a response short.

        :param noticed: whether the client can tell by the end of the connection. A reset tells it in any case, but
            destroys the responses before this one that are on their way.
        """
        if not (noticed and self._answered):
            self.transport.abortConnection()
            return
        self._exchange = None
        self._close(linger=not exchange.received)
        exchange.connection_lost(Failure(ConnectionAborted()))

    def switch(self, said: bytes, protocol: IProtocol) -> None:
        """Leave the connection to another protocol, with what has come for it."""
        self._exchange = None
        self._deadline.stop()
        self.transport.unregisterProducer()
        self.transport.write(said)
        rest = self._reader.switch() + self._unparsed
        self._unparsed = b""
        if self._paused:
            self.transport.resumeProducing()
        self._successor = protocol
        protocol.makeConnection(self.transport)
        if rest:
            protocol.dataReceived(rest)

    def drain(self) -> None:
        """See :class:`~netforge.protocols.interfaces.IDrainable`."""
        self._last = True
        if self._successor is not None:
            if (drainable := IDrainable(self._successor, None)) is not None:
                drainable.drain()
        elif self._exchange is not None:
            self._exchange.make_last()
        elif not self._queue and not self._reader.in_head:
            self._close()

    # From bytes to exchanges.

    def _open(self, data: bytes) -> None:
        """Go on in HTTP/2 (RFC 9113, section 3.4), once all of its preface is there if nothing else has said so."""
        if PREFACE.startswith(data) and data != PREFACE:
            self._opening = data
            return
        # Late, since not everybody needs it.
        from netforge.protocols.http._http2 import HTTP2Protocol  # noqa: PLC0415

        self._opening = None
        self._deadline.stop()
        self.transport.unregisterProducer()
        self._successor = HTTP2Protocol(self.surroundings)
        self._successor.makeConnection(self.transport)
        self._successor.dataReceived(data)

    def proceed(self) -> None:
        """Go on until something has to be waited for."""
        if self._running or self._successor is not None:
            return
        self._running = True
        queue = self._queue
        try:
            while not self._closing:
                while queue:
                    event = queue[0]
                    if type(event) is not Request:
                        queue.popleft()
                        self._pass_on(event)
                    elif self._exchange is None and self.writable:
                        queue.popleft()
                        self._begin(event)
                    else:
                        break
                piece = self._unparsed
                if not piece or self._error is not None or len(queue) > MOST_WAITING:
                    break
                if self._exchange is not None and self._exchange.full:
                    break
                if len(piece) > PIECE:
                    piece, self._unparsed = piece[:PIECE], piece[PIECE:]
                else:
                    self._unparsed = b""
                self._parse(self._reader.receive_data, piece)
        finally:
            self._running = False
        if self._exchange is not None or queue or self._paused or self._ended or self._error is not None:
            self._wait_or_end()

    def _wait_or_end(self) -> None:
        """There is nothing that could be done now: let the client go on or wait, or end the connection."""
        exchange = self._exchange
        if (exchange is None or not exchange.received) and not (self._queue or self._unparsed or self._closing):
            if self._error is not None:
                self._refuse(self._error)
            elif self._ended and (exchange is None or exchange.complete):
                self._close()
            elif self._ended:
                self.transport.abortConnection()
        self._balance()

    def _parse(self, parse: Callable[[bytes], list[Event]], data: bytes) -> None:
        try:
            self._queue += parse(data)
        except BadRequest as error:
            # What came before it is answered first.
            self._queue += self._reader.salvaged()
            self._error = error
            self._unparsed = b""

    def _pass_on(self, event: Event) -> None:
        """Let the exchange have a part of its request's body, if it is not over."""
        if self._exchange is None:
            return
        if type(event) is Data:
            self._exchange.data_received(event.data)
        elif type(event) is End:
            self._exchange.request_ended(event.trailers)

    def _begin(self, request: Request) -> None:
        self._exchange = exchange = HTTP1Exchange(self, request)
        if self._last or self.surroundings.retired:
            exchange.make_last()
        run(self.surroundings.application, exchange)

    # The end.

    def _refuse(self, error: BadRequest) -> None:
        """End the connection with what is no request, or not the rest of one."""
        exchange = self._exchange
        if exchange is not None and exchange.started and not exchange.complete:
            self.transport.abortConnection()
            return
        self._exchange = None
        if exchange is None or not exchange.complete:
            self.transport.write(error.reply)
        self._close(linger=True)
        if exchange is not None and not exchange.complete:
            exchange.connection_lost(Failure(error))

    def _expired(self) -> None:
        """Nothing has happened for the time that a client is given."""
        exchange = self._exchange
        if exchange is None and self._reader.in_head:
            late = BadRequest("the head of the request took too long", HTTPStatus.REQUEST_TIMEOUT)
            self.transport.write(late.reply)
            self._close(linger=True)
        elif exchange is None and self.writable:
            self._close()
        elif not self.writable or (exchange is not None and exchange.waiting):
            self.transport.abortConnection()
        else:
            # The client waits for us.
            self._deadline.start()

    def _close(self, *, linger: bool = False) -> None:
        """Close the connection when all is sent.

        :param linger: read on for a while first: closing a socket with something unread in it destroys what was sent.
        """
        self._closing = True
        self._queue.clear()
        self._unparsed = b""
        self._deadline.stop()
        self.transport.unregisterProducer()
        # Who does not read what is left could keep the connection for ever.
        most = LINGER if linger else self.surroundings.idle
        self._deadline = Deadline(self.surroundings.clock, most, self.transport.abortConnection)
        self._deadline.start()
        if not linger:
            self.transport.loseConnection()
            return
        if self._paused:
            self.transport.resumeProducing()
        self.transport.loseWriteConnection()

    def _let_write(self) -> None:
        room, self._room = self._room, []
        for waiting in room:
            waiting.callback(None)
