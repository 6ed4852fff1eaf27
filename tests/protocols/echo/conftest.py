"""A stream in memory with Twisted's own buffering, so that back-pressure and closing are the real ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IProtocolFactory, IReactorTime
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

# FileDescriptor is one of Twisted's untyped parts.


class Wire(FileDescriptor):
    """The transport of a server's connection, the reactor under it, and the peer, who reads as much as it has *room*.

    :param make: makes the factory, given the clock.
    :param room: how many bytes the peer takes before it stops reading.
    :param now: the Unix time at the start.
    """

    def __init__(self, make: Callable[[IReactorTime], IProtocolFactory], room: int, now: float) -> None:
        self.clock = MemoryReactorClock()
        self.clock.advance(now)
        super().__init__(self.clock)
        self.room = room
        self.received = bytearray()
        self.most_buffered = 0
        self._incoming = bytearray()
        self._ended = False
        self._lost: Failure | None = None
        self.connected = True
        self.startReading()
        protocol = make(self.clock).buildProtocol(IPv4Address("TCP", "192.0.2.1", 50_000))
        assert protocol is not None
        self.protocol: IProtocol = protocol
        protocol.makeConnection(self)

    # What the peer does.

    def send(self, data: bytes) -> None:
        """Send; the rest waits while nobody reads it."""
        self._incoming += data
        self.settle()

    def end(self) -> None:
        """End the peer's side after all that it sent."""
        self._ended = True
        self.settle()

    def read(self, size: int) -> None:
        """Take more."""
        self.room += size
        self.settle()

    def read_all(self, step: int) -> None:
        """Take so much at a time until the connection ends."""
        for _ in range(1000):
            if not self.open:
                return
            self.read(step)
        pytest.fail("this never ends")

    # What happened.

    @property
    def buffered(self) -> int:
        """The bytes that wait for the peer."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    @property
    def reading(self) -> bool:
        return self in self.clock.readers

    @property
    def open(self) -> bool:
        return self._lost is None

    @property
    def closed(self) -> bool:
        return self._lost is not None and self._lost.type is ConnectionDone

    @property
    def aborted(self) -> bool:
        return self._lost is not None and self._lost.type is ConnectionAborted

    # What the reactor does.

    def tick(self, seconds: float = 0) -> bool:
        """One turn of a reactor: the timers that are due at its start, a read, a write. Tell whether anything moved."""
        self.clock.rightNow += seconds
        due = [call for call in self.clock.calls if call.getTime() <= self.clock.seconds()]
        for call in due:
            if call.active():
                self.clock.calls.remove(call)
                call.called = True
                call.func(*call.args, **call.kw)
        self.most_buffered = max(self.most_buffered, self.buffered)
        read = self._read()
        self.most_buffered = max(self.most_buffered, self.buffered)
        wrote = self._write()
        return bool(due) or read or wrote

    def settle(self) -> None:
        """Turn until nothing moves."""
        for _ in range(10_000):
            if not self.tick():
                return
        pytest.fail("this never comes to rest")

    def wait(self, seconds: float) -> None:
        self.tick(seconds)
        self.settle()

    def _read(self) -> bool:
        if not self.reading or not (self._incoming or self._ended):
            return False
        if self._incoming:
            data = bytes(self._incoming[: self.bufferSize])
            del self._incoming[: self.bufferSize]
            self.protocol.dataReceived(data)
            return True
        self.stopReading()
        half_closeable = IHalfCloseableProtocol(self.protocol, None)
        if half_closeable is None:
            self.connectionLost(Failure(ConnectionDone()))
        else:
            half_closeable.readConnectionLost()
        return True

    def _write(self) -> bool:
        if self not in self.clock.writers:
            return False
        before = len(self.received)
        if self.doWrite() is not None:
            self.connectionLost(Failure(ConnectionDone()))
        return len(self.received) > before

    # What Twisted asks of a transport.

    def writeSomeData(self, data: bytes) -> int:  # noqa: N802
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.received += taken
        return len(taken)

    def abortConnection(self) -> None:  # noqa: N802
        self.clock.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def connectionLost(self, reason: Failure) -> None:
        if self._lost is None:
            self._lost = reason
            super().connectionLost(reason)
            self.protocol.connectionLost(reason)


class Connect:
    """Connect a peer to a factory and let the reactor turn; without *room*, the peer reads nothing."""

    def __call__(
        self, make: Callable[[IReactorTime], IProtocolFactory], room: int = 0, now: float = 0, settle: bool = True
    ) -> Wire:
        wire = Wire(make, room, now)
        if settle:
            wire.settle()
        return wire


@pytest.fixture(scope="session")
def connect() -> Connect:
    return Connect()
