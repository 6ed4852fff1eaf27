"""A connection after it has left HTTP, as Tornado's WebSocketHandler wants it."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable

from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.interfaces import IDrainable, IStreamTransport

__all__ = ["DetachedStream", "heard"]

#: The most bytes that wait to be read before the client is made to wait.
MOST_UNREAD = 64 * 1024

#: RFC 6455, section 7.4.1.
GOING_AWAY = 1001


def heard(future: Future[None]) -> None:
    """Have asyncio not complain of an error that nobody waits for: Tornado's writers need not wait."""
    if not future.cancelled():
        future.exception()


@implementer(IDrainable, IPushProducer)
class DetachedStream(Protocol):
    """As much of Tornado's ``IOStream`` as a WebSocketHandler uses, on a transport of Twisted's.

    :param loop: the loop that runs.
    :param leave: has whoever uses it close it, with a code and a reason, when the server stops.
    :ivar io_loop: the same, as Tornado has it.
    """

    transport: IStreamTransport

    def __init__(self, loop: AbstractEventLoop, leave: Callable[[int, str], None] | None = None) -> None:
        self._leave = leave
        self.io_loop = IOLoop.current()
        self._loop = loop
        self._unread = bytearray()
        self._wanted = 0
        self._reader: Future[bytes] | None = None
        self._writers: list[Future[None]] = []
        self._writable = True
        self._paused = False
        self._closed = False

    # What Tornado asks for.

    def read_bytes(self, num_bytes: int) -> Future[bytes]:
        """The next so many bytes.

        :raises StreamClosedError: through the Future, if the connection ends before.
        """
        if self._reader is not None and not self._reader.done():
            raise RuntimeError("somebody else reads already")
        self._wanted = num_bytes
        self._reader = reader = self._loop.create_future()
        self._proceed()
        return reader

    def write(self, data: bytes) -> Future[None]:
        """Send something; the Future fires when there is room for more.

        :raises StreamClosedError: if the connection has ended; through the Future, if it ends before.
        """
        if self._closed:
            raise StreamClosedError
        done: Future[None] = self._loop.create_future()
        self._writers.append(done)
        done.add_done_callback(heard)
        self.transport.write(data)
        if self._writable:
            self._let_write()
        return done

    def close(self) -> None:
        """Close the connection: when all is sent, unless the client does not read."""
        if self._closed:
            return
        self._closed = True
        self.transport.unregisterProducer()
        if self._writable:
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()
        self._proceed()

    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed

    def set_nodelay(self, value: bool) -> None:
        """Whether small messages are sent at once."""
        self.transport.setTcpNoDelay(value)

    # What the transport tells.

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        self._unread += data
        self._proceed()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._proceed()

    def pauseProducing(self) -> None:
        self._writable = False

    def resumeProducing(self) -> None:
        self._writable = True
        self._let_write()

    def drain(self) -> None:
        """See :class:`~netforge.protocols.interfaces.IDrainable`."""
        if self._leave is not None and not self._closed:
            self._leave(GOING_AWAY, "the server stops")

    def stopProducing(self) -> None:
        """The connection is lost: that will be told."""

    def _proceed(self) -> None:
        """Give a reader what it wants, and the client room for more."""
        reader, unread = self._reader, self._unread
        reading = reader is not None and not reader.done()
        if reader is not None and reading and len(unread) >= self._wanted:
            reader.set_result(bytes(unread[: self._wanted]))
            del unread[: self._wanted]
            reading = False
        if self._closed:
            if reader is not None and reading:
                reader.set_exception(StreamClosedError())
            self._let_write()
            return
        full = len(unread) > MOST_UNREAD and not reading
        if full is not self._paused:
            self._paused = full
            if full:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def _let_write(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            if writer.done():
                continue
            if self._closed:
                writer.set_exception(StreamClosedError())
            else:
                writer.set_result(None)
