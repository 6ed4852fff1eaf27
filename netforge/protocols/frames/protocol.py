"""One connection of typed messages, the same for servers and clients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.deadlines import Deadline
from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames._incoming import Incoming
from netforge.protocols.frames._outgoing import Outgoing
from netforge.protocols.frames.errors import IdleError, SlowReaderError
from netforge.protocols.frames.interfaces import Codec, Connected, Framing, Handler, Lost, Refused
from netforge.protocols.interfaces import IDrainable, IStreamTransport

__all__ = ["FrameProtocol"]

T = TypeVar("T")


@implementer(IDrainable, IHalfCloseableProtocol)
class FrameProtocol(Protocol, Generic[T]):
    """A connection that sends and receives messages.

    With a handler, every message is given to it: the next one when it is done with the last, and when the transport's
    buffer has room for an answer. Without one, ask: ``await protocol.receive()``, or ``async for message in protocol``.
    Either way the peer is paused once more than *max_waiting* messages wait, or 16 KiB, and resumed when none does.

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
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._on_error = on_error
        self._deadline = Deadline(clock, idle, self._expired)
        self._incoming = Incoming(framing.decoder(), max_waiting)
        self._outgoing = Outgoing(max_unsent, self._flow)
        self._receiver: Deferred[T] | None = None
        self._reason: Failure | None = None
        self._busy = False  # a handler or on_connected runs
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
        if self._outgoing.admits(len(frame)):
            self.transport.write(frame)
        else:
            self.abort(SlowReaderError(f"more than {self._outgoing.most} bytes wait for it"))

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
        if self._handler is None:
            return self._receiver is not None
        return not (self._busy or self._outgoing.full)

    def _advance(self) -> None:
        """Hand over the next message if it is wanted, or do what follows after the last."""
        if not self._wanting:
            return
        if self._incoming.waiting:
            self._hand_over()
        elif self._reason is not None:
            if (receiver := self._receiver) is not None:
                self._receiver = None
                receiver.errback(self._reason)
        elif self._incoming.error is not None and not self._closing:
            self._refuse(self._incoming.error)
        elif self._incoming.ended:
            self.close()

    def _hand_over(self) -> None:
        if (receiver := self._receiver) is None:
            self._run(self._handle)
            return
        self._receiver = None
        try:
            message = self._next()
        except Exception:
            receiver.errback(Failure())
        else:
            receiver.callback(message)

    def _next(self) -> T:
        try:
            return self._codec.decode(self._incoming.next())
        except RemoteProtocolError as error:
            self._refuse(error)
            assert self._reason is not None
            self._reason.raiseException()

    def _refuse(self, error: RemoteProtocolError) -> None:
        """The peer broke a rule: let the service answer, and close."""
        self._incoming.clear()
        if self._on_error is not None and not self._lost:
            self._tell(self._on_error, error)
        self._end_with(Failure(error))
        self.close()

    # The end

    def close(self) -> None:
        """Close the connection when all that was sent is on its way. Messages that wait are dropped."""
        if self._closing or self._lost:
            return
        self._closing = True
        self._incoming.clear()
        # With a producer, loseConnection would wait for its end.
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self, reason: Exception) -> None:
        """Cut the connection. Messages that wait are dropped, and so is what is not on its way.

        :param reason: what *on_lost* and whoever waits here get, unless there was a reason before.
        """
        if self._lost:
            return
        self._incoming.clear()
        self._end_with(Failure(reason))
        self.transport.abortConnection()

    def drain(self) -> None:
        """Read nothing more, hand over what was received, then close."""
        if not (self._closing or self._lost):
            self._incoming.end()
            self._advance()

    def _end_with(self, reason: Failure) -> None:
        if self._reason is None:
            self._reason = reason
            self._outgoing.fail(reason)
        self._advance()

    def _flow(self) -> None:
        """The transport's buffer is full, or has room again."""
        self._deadline.progress()
        self._advance()

    def _expired(self) -> None:
        # Time that we take ourselves does not count against the peer.
        if self._wanting or self._outgoing.full or self._closing:
            self.abort(IdleError())
        else:
            self._deadline.start()

    # What the transport calls.

    def connectionMade(self) -> None:
        self._incoming.transport = self.transport
        self.transport.registerProducer(self._outgoing, True)
        self._deadline.start()
        if self._on_connected is not None:
            self._run(partial(self._on_connected, self))

    def dataReceived(self, data: bytes) -> None:
        if self._incoming.ended or self._closing:
            return
        # Who does not read makes no progress by sending.
        if not self._outgoing.full:
            self._deadline.progress()
        self._incoming.take(data)
        self._advance()
        self._incoming.pause_if_full()

    def readConnectionLost(self) -> None:
        """The peer ended its side, and may still want answers."""
        self._deadline.progress()
        if not self._closing:
            self._incoming.take_end()
            self._incoming.end()
            self._advance()

    def writeConnectionLost(self) -> None:
        """Never happens: we do not close only our side."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadline.stop()
        self._lost = True
        ended, self._incoming.ended = self._incoming.ended, True
        if reason.check(ConnectionDone) and not (ended or self._closing):
            # No half-close, as over TLS: the end of the stream and of the connection are one.
            self._incoming.take_end()
        if self._incoming.error is not None and not self._closing:
            reason = Failure(self._incoming.error)
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
        """Call the handler until no message waits, there is no room, or something to wait for, which is returned."""
        while self._handler is not None and self._incoming.waiting and not self._outgoing.full:
            result = self._handler(self, self._next())
            if result is not None and isawaitable(result):
                return result
        return None

    def _rest(self) -> None:
        self._busy = False
        self._advance()
        self._tell_lost()

    def _failed(self, error: Exception) -> None:
        self._incoming.clear()
        # Whoever waits for room or a message here gets the reason itself, which is no failure of theirs.
        if self._reason is None or self._reason.value is not error:
            self._log.failure("the handler of {peer} failed", peer=self.transport.getPeer())
            self.abort(error)

    def _tell_lost(self) -> None:
        if self._lost and not self._busy and self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            self._tell(on_lost, self._reason)

    def _tell(self, hook: Callable[..., object], what: object) -> None:
        """Call a hook that nothing waits for."""
        try:
            hook(self, what)
        except Exception:
            self._log.failure("{hook} failed", hook=hook)
