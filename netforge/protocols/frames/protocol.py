"""One connection of typed messages, the same for servers and clients."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from inspect import isawaitable
from typing import Generic, TypeAlias, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.deadlines import Deadline
from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames._outgoing import Outgoing
from netforge.protocols.frames.errors import IdleError, SlowReaderError
from netforge.protocols.frames.interfaces import Codec, Framing
from netforge.protocols.interfaces import IDrainable, IStreamTransport

__all__ = ["Connected", "FrameProtocol", "Handler", "Lost", "Refused"]

T = TypeVar("T")


@implementer(IDrainable, IHalfCloseableProtocol)
class FrameProtocol(Protocol, Generic[T]):
    """A connection that sends and receives messages.

    With a handler, every message is given to it, the next one when it is done with the last. Without one, ask:
    ``await protocol.receive()``, or ``async for message in protocol``. Either way the peer is paused once more than
    *max_waiting* messages wait, and resumed when none does.

    What the peer sent before it ended its side, broke a rule or went away is handed over first. Then the connection is
    closed. An exception out of a handler or hook is logged and cuts the connection.

    :param framing: how the stream is divided.
    :param codec: what the payloads mean.
    :param clock: where the time comes from.
    :param handler: called with the protocol and each message. What it returns is awaited if it can be.
    :param idle: seconds that the peer may keep us waiting before the connection is cut: for data while a message is
        awaited, or to read while the transport's buffer is full. ``None`` for ever.
    :param max_unsent: the most bytes to send after the transport's buffer (64 KiB in Twisted) is full, before the
        connection is cut. ``None`` for any number: then heed :meth:`drained`.
    :param max_waiting: the most messages that wait before the peer is paused. One more read may follow them.
    :param on_connected: called with the protocol before anything is received. What it returns is awaited if it can be.
    :param on_lost: called with the protocol and the reason, after the last message. The reason is Twisted's, unless we
        have a better one: ``RemoteProtocolError``, :class:`IdleError`, :class:`SlowReaderError`, what a handler raised,
        or what :meth:`abort` was given.
    :param on_error: called with the protocol and the error when the peer broke a rule; it may send a last message.
    """

    _log = Logger()
    transport: IStreamTransport

    def __init__(
        self,
        framing: Framing,
        codec: Codec[T],
        *,
        clock: IReactorTime,
        handler: Handler[T] | None = None,
        idle: float | None = None,
        max_unsent: int | None = None,
        max_waiting: int = 16,
        on_connected: Connected[T] | None = None,
        on_lost: Lost[T] | None = None,
        on_error: Refused[T] | None = None,
    ) -> None:
        self._framing = framing
        self._codec = codec
        self._handler = handler
        self._max_unsent = max_unsent
        self._max_waiting = max_waiting
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._on_error = on_error
        self._deadline = Deadline(clock, idle, self._expired)
        self._outgoing = Outgoing(self._deadline.progress)
        self._decoder = framing.decoder()
        self._waiting: deque[bytes] = deque()
        self._receiver: Deferred[T] | None = None
        self._reason: Failure | None = None
        self._busy = False  # a handler or on_connected runs
        self._paused = False
        self._ended = False  # nothing more is read
        self._closing = False
        self._lost = False

    # Sending

    def send(self, message: T) -> None:
        """Send a message. Does nothing when the connection is closing or lost.

        :raises LocalProtocolError: codec or framing cannot express it.
        """
        self.send_encoded(self.encode(message))

    def encode(self, message: T) -> bytes:
        """Make the frame of a message, for :meth:`send_encoded` of every protocol of the same framing and codec.

        :raises LocalProtocolError: codec or framing cannot express it.
        """
        return self._framing.encode(self._codec.encode(message))

    def send_encoded(self, frame: bytes) -> None:
        """Send what :meth:`encode` made, so that a message to many is encoded once."""
        if self._closing or self._reason is not None:
            return
        if self._outgoing.full:
            self._outgoing.size += len(frame)
            if self._max_unsent is not None and self._outgoing.size > self._max_unsent:
                self.abort(SlowReaderError(f"more than {self._max_unsent} bytes wait for it"))
                return
        self.transport.write(frame)

    @property
    def unsent(self) -> int:
        """The bytes sent since the transport's buffer was full; 0 while it has room."""
        return self._outgoing.size

    def drained(self) -> Deferred[None]:
        """Wait until the transport's buffer has room. Can be cancelled.

        :returns: fires at once if it has. Fails with the reason when the connection is lost first.
        """
        return self._outgoing.drained() if self._reason is None else fail(self._reason)

    # Receiving

    def receive(self) -> Deferred[T]:
        """Wait for the next message. Can be cancelled, and loses none then.

        :returns: the message. Fails with the reason, as *on_lost* gets it, when there will be none.
        :raises LocalProtocolError: somebody waits already, or there is a handler.
        """
        if self._handler is not None:
            raise LocalProtocolError("the handler receives the messages")
        if self._receiver is not None:
            raise LocalProtocolError("somebody waits for the next message already")
        self._receiver = receiver = Deferred[T](self._stop_receiving)
        self._deadline.progress()
        self._advance()
        return receiver

    def __aiter__(self) -> FrameProtocol[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.receive()
        except ConnectionDone:
            raise StopAsyncIteration from None

    def _stop_receiving(self, receiver: Deferred[T]) -> None:
        self._receiver = None

    @property
    def _wanting(self) -> bool:
        """Whether the next message would be taken now."""
        return self._receiver is not None if self._handler is None else not self._busy

    def _advance(self) -> None:
        """Hand over the next message if it is wanted, or do what follows after the last."""
        if not self._wanting:
            return
        if self._waiting:
            self._hand_over()
        elif self._reason is not None:
            receiver, self._receiver = self._receiver, None
            if receiver is not None:
                receiver.errback(self._reason)
        elif self._decoder.error is not None:
            self._refuse(self._decoder.error)
        elif self._ended:
            self.close()

    def _hand_over(self) -> None:
        if self._handler is not None:
            self._run(self._handle)
            return
        receiver, self._receiver = self._receiver, None
        assert receiver is not None
        try:
            message = self._next()
        except Exception:
            receiver.errback(Failure())
        else:
            receiver.callback(message)

    def _next(self) -> T:
        payload = self._waiting.popleft()
        if self._paused and not self._waiting:
            self._paused = False
            if not self._ended:
                self.transport.resumeProducing()
        try:
            return self._codec.decode(payload)
        except RemoteProtocolError as error:
            self._refuse(error)
            assert self._reason is not None
            self._reason.raiseException()

    def _refuse(self, error: RemoteProtocolError) -> None:
        """The peer broke a rule: let the service answer, and close."""
        self._waiting.clear()
        if self._on_error is not None and not self._lost:
            try:
                self._on_error(self, error)
            except Exception:
                self._log.failure("on_error failed")
        self._end_with(Failure(error))
        self.close()

    # The end

    def close(self) -> None:
        """Close the connection when all that was sent is on its way. Messages that wait are dropped."""
        if self._closing or self._lost:
            return
        self._closing = True
        self._waiting.clear()
        # With a producer, loseConnection would wait for its end.
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self, reason: Exception) -> None:
        """Cut the connection. Messages that wait are dropped, and so is what is not on its way.

        :param reason: what *on_lost* and whoever waits here get, unless there was a reason before.
        """
        if self._lost:
            return
        self._waiting.clear()
        self._end_with(Failure(reason))
        self.transport.abortConnection()

    def drain(self) -> None:
        """Read nothing more, hand over what was received, then close."""
        self._end()

    def _end(self) -> None:
        if not (self._ended or self._closing or self._lost):
            self._ended = True
            self.transport.pauseProducing()
            self._advance()

    def _end_with(self, reason: Failure) -> None:
        if self._reason is None:
            self._reason = reason
            self._outgoing.fail(reason)
        self._advance()

    def _expired(self) -> None:
        # Time that we take ourselves does not count against the peer.
        if self._wanting or self._outgoing.full or self._closing:
            self.abort(IdleError())
        else:
            self._deadline.start()

    # What the transport calls.

    def connectionMade(self) -> None:
        self.transport.registerProducer(self._outgoing, True)
        self._deadline.start()
        if self._on_connected is not None:
            self._run(partial(self._on_connected, self))

    def dataReceived(self, data: bytes) -> None:
        if self._ended or self._closing:
            return
        self._deadline.progress()
        try:
            self._waiting += self._decoder.receive_data(data)
        except RemoteProtocolError:
            # The decoder keeps it until the messages before it are handed over.
            self._end()
            return
        self._advance()
        if self._decoder.error is not None:
            self._end()
        elif len(self._waiting) > self._max_waiting and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def readConnectionLost(self) -> None:
        """The peer ended its side, and may still want answers."""
        self._deadline.progress()
        with suppress(RemoteProtocolError):  # which the decoder keeps as well
            self._decoder.receive_eof()
        self._end()

    def writeConnectionLost(self) -> None:
        """Never happens: we do not close only our side."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadline.stop()
        self._lost = True
        if reason.check(ConnectionDone) and not (self._ended or self._closing):
            # No half-close, as over TLS: the end of the stream and of the connection are one.
            with suppress(RemoteProtocolError):
                self._decoder.receive_eof()
        self._ended = True
        if self._decoder.error is not None and not self._closing:
            reason = Failure(self._decoder.error)
        self._end_with(reason)
        self._tell_lost()

    # What calls the handler and the hooks.

    def _run(self, call: Callable[[], object]) -> None:
        """Call, and wait for what can be awaited: a coroutine is begun only then, for speed."""
        self._busy = True
        try:
            result = call()
        except Exception as error:
            self._failed(error)
        else:
            if result is not None and isawaitable(result):
                Deferred.fromCoroutine(self._finish(result))
                return
        self._rest()

    async def _finish(self, result: object) -> None:
        try:
            while isawaitable(result):
                await result
                result = self._handle()
        except Exception as error:
            self._failed(error)
        self._deadline.progress()
        self._rest()

    def _handle(self) -> object:
        """Call the handler until nothing waits, or there is something to wait for, which is returned."""
        while self._waiting and self._handler is not None:
            result = self._handler(self, self._next())
            if result is not None and isawaitable(result):
                return result
        return None

    def _rest(self) -> None:
        self._busy = False
        self._advance()
        self._tell_lost()

    def _failed(self, error: Exception) -> None:
        self._waiting.clear()
        # Whoever waits for room or a message here gets the reason itself, which is no failure of theirs.
        if self._reason is None or self._reason.value is not error:
            self._log.failure("the handler of {peer} failed", peer=self.transport.getPeer())
            self.abort(error)

    def _tell_lost(self) -> None:
        if self._lost and not self._busy and self._on_lost is not None:
            assert self._reason is not None
            on_lost, self._on_lost = self._on_lost, None
            try:
                on_lost(self, self._reason)
            except Exception:
                self._log.failure("on_lost failed")


Handler: TypeAlias = Callable[[FrameProtocol[T], T], object]
"""What takes the messages: a function, one that returns a Deferred, or a coroutine function."""

Connected: TypeAlias = Callable[[FrameProtocol[T]], object]
"""What is called first; of the same three kinds."""

Lost: TypeAlias = Callable[[FrameProtocol[T], Failure], object]
"""What is called last, with the reason."""

Refused: TypeAlias = Callable[[FrameProtocol[T], RemoteProtocolError], object]
"""What is called when the peer broke a rule."""
