"""A WebSocket, as an application sees it: messages both ways."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.interfaces import IDrainable, IStreamTransport
from netforge.protocols.websocket._keepalive import KeepAlive
from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket._writer import MessageWriter
from netforge.protocols.websocket.errors import CloseCode, Closed, Violation
from netforge.protocols.websocket.events import Close, Ping, Pong
from netforge.protocols.websocket.limits import Limits

__all__ = ["WebSocket"]

log = Logger()


@implementer(IDrainable, IPushProducer)
class WebSocket(Protocol):
    """A connection of messages, of which either side may say any number at any time.

    :func:`~netforge.protocols.websocket.accept` and :func:`~netforge.protocols.websocket.connect` make them. It is the
    protocol of its transport: names in camel case are what a transport calls.

    Iterating over it receives messages until it ends. As an asynchronous context manager it closes itself, with code
    1000 at the end of the block and 1011 if that raises; and its :exc:`Closed` ends the block quietly.

    :ivar subprotocol: what was agreed on to speak in it, if anything.
    :ivar closed: why it ended, once it has.
    """

    transport: IStreamTransport

    def __init__(
        self,
        reader: MessageReader,
        writer: MessageWriter,
        clock: IReactorTime,
        limits: Limits,
        subprotocol: str | None,
        *,
        client: bool,
    ) -> None:
        self.subprotocol = subprotocol
        self.closed: Closed | None = None
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._limits = limits
        self._client = client
        self._keepalive = KeepAlive(clock, limits.silence, limits.answer, self._ping, self._gone)
        self._unread: deque[str | bytes] = deque()
        self._unread_size = 0
        self._receiver: Deferred[str | bytes] | None = None
        self._room: list[Deferred[None]] = []
        self._observers: list[Callable[[Closed], object]] = []
        # Whether we have said Close, and whether the connection is lost.
        self._said = False
        self._lost = False
        self._timer: IDelayedCall | None = None
        self._running = False
        # Whether enough is unread, and the transport does not read.
        self._full = False
        self._paused = False
        self._writable = True
        self._pong: bytes | None = None

    # What the application asks for.

    def receive(self) -> Deferred[str | bytes]:
        """The next message: text or binary. What is not received makes the peer wait.

        :raises Closed: through the Deferred, when there is none because the WebSocket has ended.
        :raises RuntimeError: if the last one has not come yet.
        """
        if self._receiver is not None:
            raise RuntimeError("the last message has not come yet")
        if self._unread:
            message = self._unread.popleft()
            self._unread_size -= len(message)
            if self._full:
                self._full = self._has_enough()
                self._proceed()
            return succeed(message)
        if self.closed is not None:
            return fail(self.closed)
        receiver: Deferred[str | bytes] = Deferred(self._forget)
        self._receiver = receiver
        return receiver

    def send(self, message: str | bytes) -> None:
        """Send a text or a binary message. Dropped once either side has closed.

        :raises LocalProtocolError: if it is a text that UTF-8 cannot express.
        """
        if not self._said:
            self.transport.write(self._writer.message(message))

    def ready(self) -> Deferred[None]:
        """Fires when the peer has room for more, or the WebSocket has ended."""
        if self._writable or self.closed is not None:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._room.remove)
        self._room.append(waiting)
        return waiting

    def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Say no more, and have the peer do the same. What it says until then is dropped. May be called again.

        :param code: 1000 to 4999; 1005 for none.
        :param reason: at most 123 bytes of UTF-8.
        :raises LocalProtocolError: if the code may not be said, or the reason is too long.
        """
        if self._said:
            return
        self._say_close(code, reason)
        self._unread.clear()
        self._unread_size = 0
        self._full = False
        self._proceed()

    def abort(self) -> None:
        """Cut the connection."""
        if self.closed is None:
            self.transport.abortConnection()

    def when_closed(self, call: Callable[[Closed], object]) -> None:
        """Have something called when the WebSocket ends; at once if it has."""
        if self.closed is not None:
            call(self.closed)
        else:
            self._observers.append(call)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except Closed:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if isinstance(error, GeneratorExit):
            # Nothing refers to the block any more, and so nothing to the connection.
            return False
        quiet = error is None or error is self.closed
        self.close(CloseCode.NORMAL if quiet else CloseCode.INTERNAL_ERROR)
        return quiet

    def drain(self) -> None:
        """See :class:`~netforge.protocols.interfaces.IDrainable`."""
        self.close(CloseCode.GOING_AWAY)

    # What the transport tells.

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        self._keepalive.start()

    def dataReceived(self, data: bytes) -> None:
        if self.closed is None:
            self._keepalive.heard = True
            self._reader.receive_data(data)
            self._proceed()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        self._keepalive.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._proceed()

    def pauseProducing(self) -> None:
        """The peer has no room: see :meth:`ready`."""
        self._writable = False

    def resumeProducing(self) -> None:
        """The peer has room again."""
        self._writable = True
        # It reads.
        self._keepalive.heard = True
        if self._pong is not None:
            pong, self._pong = self._pong, None
            self._answer(pong)
        self._let_write()

    def stopProducing(self) -> None:
        """The connection is lost: that will be told."""

    # From frames to messages.

    def _proceed(self) -> None:
        """Take what has come, as far as there is room for it."""
        if self._running:
            return
        self._running = True
        try:
            while not self._full and self.closed is None:
                event = self._reader.next_event()
                if event is None:
                    break
                if isinstance(event, (str, bytes)):
                    self._deliver(event)
                else:
                    self._take(event)
        except Violation as violation:
            self._fail(violation)
        finally:
            self._running = False
        if self.closed is None and self._lost and not self._full:
            self._finish(Closed(CloseCode.ABNORMAL))
        if self._full is not self._paused and not self._lost:
            self._paused = not self._paused
            if self._paused:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def _deliver(self, message: str | bytes) -> None:
        if self._said:
            return
        if self._receiver is not None:
            receiver, self._receiver = self._receiver, None
            receiver.callback(message)
        else:
            self._unread.append(message)
            self._unread_size += len(message)
            self._full = self._has_enough()

    def _take(self, event: Ping | Pong | Close) -> None:
        if isinstance(event, Ping):
            self._answer(event.data)
        elif isinstance(event, Close):
            if not self._said:
                self._say_close(event.code, "")
            self._finish(Closed(event.code, event.reason))
            self.transport.unregisterProducer()
            if not self._client:
                # Who accepted a connection ends it (RFC 6455, section 7.1.1).
                self.transport.loseConnection()

    def _has_enough(self) -> bool:
        return len(self._unread) >= self._limits.unread or self._unread_size >= self._limits.unread_size

    def _answer(self, ping: bytes) -> None:
        if self._said:
            return
        if self._writable:
            self.transport.write(self._writer.pong(ping))
        else:
            # The last one is enough (RFC 6455, section 5.5.3), and fills no memory.
            self._pong = ping

    def _ping(self) -> None:
        if self._paused:
            # We would not hear it.
            self._keepalive.heard = True
        else:
            self.transport.write(self._writer.ping())

    def _forget(self, cancelled: Deferred[str | bytes]) -> None:
        self._receiver = None

    # The end.

    def _say_close(self, code: int, reason: str) -> None:
        self.transport.write(self._writer.close(code, reason))
        self._said = True
        self._keepalive.stop()
        if not self._lost:
            self._timer = self._clock.callLater(self._limits.close, self._cut)

    def _fail(self, violation: Violation) -> None:
        """The peer broke a rule (RFC 6455, section 7.1.7)."""
        log.debug("a WebSocket was ended: {reason}", reason=str(violation))
        if not self._said:
            self._say_close(violation.code, str(violation))
        self._finish(Closed(violation.code, str(violation)))
        self.transport.unregisterProducer()
        # Closing while something is unread would destroy what was sent.
        self.transport.loseWriteConnection()

    def _gone(self) -> None:
        self._finish(Closed(CloseCode.ABNORMAL, "the peer does not answer"))
        self.transport.abortConnection()

    def _cut(self) -> None:
        self._timer = None
        self.transport.abortConnection()

    def _finish(self, closed: Closed) -> None:
        self.closed = closed
        self._let_write()
        if self._receiver is not None:
            receiver, self._receiver = self._receiver, None
            receiver.errback(closed)
        observers, self._observers = self._observers, []
        for call in observers:
            with log.failureHandler("what was to be called for a closed WebSocket failed"):
                call(closed)

    def _let_write(self) -> None:
        room, self._room = self._room, []
        for waiting in room:
            waiting.callback(None)
