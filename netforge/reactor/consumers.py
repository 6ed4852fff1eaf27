"""What a stream does as a consumer: it feeds producers, and acts once everything is written.

uvloop says when its buffer is full and when it has run empty (``pause_writing``, ``resume_writing``), which is when a
push producer is paused and resumed. A pull producer, and a close or half-close that waits for what is written, must
also learn of an empty buffer when it was never full: then each write is *watched*, which means that the buffer is
looked at in the next turn of the reactor, and waited for if it is not empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from twisted.internet.interfaces import IHalfCloseableProtocol, IProducer, IProtocol, IPullProducer, IPushProducer
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from netforge.reactor.reactor import ForgeReactor

__all__ = ["BUFFER_SIZE", "DONE", "Consumer", "drop"]

# Of bytes: as in Twisted.
BUFFER_SIZE = 65_536
# The reason of most losses, shared as in Twisted's reactors.
DONE = Failure(CONNECTION_DONE)


def drop(data: bytes) -> None:
    """What ``write`` is while nothing can be written."""


class Consumer:
    """The consumer's half of a stream.

    :ivar producer: the registered producer, if any.
    :ivar streamingProducer: whether it is a push producer.
    :ivar producerPaused: whether it is a push producer that was told to pause.
    :ivar bufferSize: a push producer is paused when it writes more bytes at once, or when uvloop holds more.
    :ivar write_closing: whether the write side closes once everything is written.
    :ivar write_closed: whether it did.
    """

    __slots__ = (
        "_full",
        "_looking",
        "bufferSize",
        "producer",
        "producerPaused",
        "streamingProducer",
        "write_closed",
        "write_closing",
    )

    bufferSize: int
    producer: IProducer | None
    streamingProducer: bool
    producerPaused: bool
    write_closing: bool
    write_closed: bool
    _full: bool
    _looking: bool

    protocol: IProtocol
    _transport: asyncio.Transport
    reactor: ForgeReactor
    # Why it is being aborted.
    _reason: Failure | None
    connected: bool
    disconnected: bool
    disconnecting: bool
    attempt: Callable[[Callable[[], object]], None]
    connectionLost: Callable[[Failure], None]
    loseConnection: Callable[[], None]
    set_write: Callable[[Callable[[bytes], None]], None]

    # IConsumer.

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError(
                f"Cannot register producer {producer}, because producer {self.producer} was never unregistered."
            )
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer, self.streamingProducer, self.producerPaused = producer, streaming, False
        self.route_writes()
        if streaming:
            self._transport.set_write_buffer_limits(self.bufferSize, 0)
            if self._full:
                self._pause()
        else:
            # As when something was written in this turn, in Twisted: it may have been.
            self.startWriting()
            cast(IPullProducer, producer).resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None
        if self.connected:
            self.route_writes()
            if self.disconnecting:
                self.startWriting()

    def stopConsuming(self) -> None:
        self.unregisterProducer()
        self.loseConnection()

    # Where writes go.

    def route_writes(self) -> None:
        """Let writes go straight to uvloop, unless they must be watched or the write side is closed."""
        if self.write_closed:
            self.set_write(drop)
        elif self.disconnecting or self.write_closing or (self.producer is not None and not self.streamingProducer):
            self.set_write(self._write_watched)
        elif self.producer is not None:
            self.set_write(self._write_pushed)
        else:
            self.set_write(self.plain_write)

    @property
    def plain_write(self) -> Callable[[bytes], None]:
        """What sends, when nothing else is asked for."""
        return self._transport.write

    def flush(self) -> bool:
        """Let uvloop have what was written, if it has not; whether that could be done, or else will be later."""
        return True

    def _write_watched(self, data: bytes) -> None:
        self.plain_write(data)
        self.startWriting()

    def _write_pushed(self, data: bytes) -> None:
        self.plain_write(data)
        if len(data) > self.bufferSize and not self.producerPaused:
            self._pause()
            self.startWriting()

    # The buffer.

    def startWriting(self) -> None:
        """Look in the next turn whether everything is written, and wait for it if not."""
        if not self._looking:
            self._looking = True
            self.reactor.loop.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        if not self.connected or self._reason is not None or not self.flush():
            return
        if self._transport.get_write_buffer_size() and not (self.disconnecting and not self._awaits_producer):
            # Then pause_writing comes at once and resume_writing when the buffer is empty.
            self._transport.set_write_buffer_limits(0)
        else:
            self._full = False
            self.attempt(self._emptied)

    def pause_writing(self) -> None:
        """uvloop's buffer is full."""
        self._full = True
        if self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.attempt(self._pause)

    def resume_writing(self) -> None:
        """uvloop's buffer has run empty."""
        self._full = False
        if self.connected and self.flush():
            self.attempt(self._emptied)

    @property
    def writing(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._transport.get_write_buffer_size())

    @property
    def _awaits_producer(self) -> bool:
        return self.producer is not None and (not self.streamingProducer or self.producerPaused)

    def _pause(self) -> None:
        self.producerPaused = True
        cast(IPushProducer, self.producer).pauseProducing()

    def _emptied(self) -> None:
        """Everything is written: ask the producer for more, or else close as was asked."""
        if self._awaits_producer:
            self.producerPaused = False
            cast(IPushProducer, self.producer).resumeProducing()
        elif not self.disconnecting:
            if self.write_closing and not self.write_closed:
                self._close_write()
        else:
            self.close()

    def close(self) -> None:
        """Close: everything is written, or uvloop's to write."""
        if self._transport.get_write_buffer_size():
            # uvloop sends it, and then says that the connection is lost.
            self._transport.close()
        else:
            self.shut_down()
            self.connectionLost(DONE)

    def shut_down(self) -> None:
        """Say on the wire that this is the end, before the descriptor is closed."""

    def _close_write(self) -> None:
        self.write_closed = True
        self.route_writes()
        self._transport.write_eof()
        if IHalfCloseableProtocol.providedBy(self.protocol):
            IHalfCloseableProtocol(self.protocol).writeConnectionLost()

    # IHalfCloseableDescriptor.

    def loseWriteConnection(self) -> None:
        """Close the write side when everything is written."""
        if self.connected:
            self.write_closing = True
            self.route_writes()
            self.startWriting()
