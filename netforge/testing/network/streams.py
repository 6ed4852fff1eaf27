"""Streams as kernels keep them: buffers, windows and ends. What TCP and UNIX sockets have in common."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from enum import Enum
from errno import EAGAIN, EALREADY, ECONNREFUSED, EISCONN, ENOTCONN, EPIPE, EWOULDBLOCK
from typing import TYPE_CHECKING, Any

from netforge.testing.network.sockets import Name, Socket, failed

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine

__all__ = ["ListeningSocket", "State", "StreamSocket"]

#: Bytes that a kernel keeps of a stream at each end: sent but not carried yet, and arrived but not read yet.
BUFFER = 64 * 1024


class State(Enum):
    """Where a stream is in its life."""

    NEW = "not connected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "refused, or reset"


class StreamSocket(Socket):
    """One end of a stream, or of one that may come to be.

    What is written waits in its queue, is carried as far as the peer's window allows, and waits there to be read.
    """

    kind = socket.SOCK_STREAM

    def __init__(self, machine: Machine, family: socket.AddressFamily) -> None:
        super().__init__(machine, family)
        self._state = State.NEW
        self._peer: StreamSocket | None = None
        # What was written, and how much more of it the peer takes.
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._window = BUFFER
        self._shut = False
        self._end_sent = False
        # What has arrived.
        self._incoming: deque[bytes] = deque()
        self._unread = 0
        self._ended = False

    # What the machine's programs call.

    def connect_ex(self, name: Name) -> int:
        match self._state:
            case State.CONNECTED:
                return EISCONN
            case State.CONNECTING:
                return EALREADY
            case State.FAILED:
                return self._take_error() or ECONNREFUSED
        self.remote = name
        return self._connect(name)

    def send(self, data: bytes | memoryview) -> int:
        if self._error:
            raise failed(self._take_error())
        if self._state is not State.CONNECTED:
            raise failed(EAGAIN if self._state is State.CONNECTING else EPIPE)
        if self._shut or self.hung_up:
            raise failed(EPIPE)
        piece = bytes(data[: BUFFER - self._queued])
        if not piece and data:
            raise failed(EWOULDBLOCK)
        if piece:
            self._queue.append(piece)
            self._queued += len(piece)
            self._transmit()
        return len(piece)

    def recv(self, size: int) -> bytes:
        if not self._incoming:
            if self._error:
                raise failed(self._take_error())
            if self._ended or self._state is State.FAILED:
                return b""
            raise failed(ENOTCONN if self._state is State.NEW else EWOULDBLOCK)
        data = self._incoming.popleft()
        if self._incoming and len(data) < size:
            pieces, total = [data], len(data)
            while self._incoming and total < size:
                pieces.append(self._incoming.popleft())
                total += len(pieces[-1])
            data = b"".join(pieces)
        if len(data) > size:
            self._incoming.appendleft(data[size:])
            data = data[:size]
        self._unread -= len(data)
        self._make_room(len(data))
        return data

    def shutdown(self, how: int) -> None:
        if self._state is not State.CONNECTED:
            raise failed(ENOTCONN)
        if how != socket.SHUT_RD and not self._shut:
            self._shut = True
            self._transmit()

    def readable(self) -> bool:
        return bool(self._incoming) or self._ended or self._error != 0 or self._state is State.FAILED

    def writable(self) -> bool:
        if self._state is State.CONNECTED:
            # As Linux: not for the sake of every byte.
            return self._queued <= BUFFER * 2 // 3 or self._error != 0
        return self._state is State.FAILED

    # What TCP and UNIX sockets do differently.

    @property
    def largest(self) -> int:
        """The largest piece that is carried at once, in bytes."""
        return BUFFER

    def _connect(self, name: Any) -> int:
        """Begin to connect; 0 if it is done at once, or a number of :mod:`errno`."""
        raise NotImplementedError

    def answer(self, caller: Any) -> None:
        """Become the other end of *caller*, whose call was heard."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close without regard to what is under way."""
        raise NotImplementedError

    def _carry(self, size: int, call: Callable[..., object], *arguments: Any) -> None:
        """Have *call* happen at the peer, after all that was carried before."""
        raise NotImplementedError

    def _note(self, what: str, data: bytes = b"") -> None:
        """Write down what is sent."""
        raise NotImplementedError

    # What travels between two ends.

    @property
    def peer(self) -> StreamSocket:
        """The other end."""
        assert self._peer is not None
        return self._peer

    def _transmit(self) -> None:
        """Send of the queue what the peer has room for, and after all of it the end."""
        while self._queue and self._window > 0:
            piece = self._queue.popleft()
            size = min(len(piece), self.largest, self._window)
            if size < len(piece):
                self._queue.appendleft(piece[size:])
                piece = piece[:size]
            self._queued -= size
            self._window -= size
            self._note("", piece)
            self._carry(size, self.peer._take, piece)
        if self._shut and not self._queue and not self._end_sent:
            self._end_sent = True
            self._note("FIN")
            self._carry(0, self.peer._take_end)

    def _take(self, data: bytes) -> None:
        """Data has arrived."""
        if self._state is State.CONNECTED:
            self._incoming.append(data)
            self._unread += len(data)
            self.tell()

    def _take_end(self) -> None:
        """The peer will send no more."""
        self._ended = True
        self.tell()

    def _make_room(self, size: int) -> None:
        """So much was read. A peer that waits for room is told; else it may know at once, since nobody can tell."""
        if self.peer._queue:
            self._carry(0, self.peer._take_room, size)
        else:
            self.peer._window += size

    def _take_room(self, size: int) -> None:
        self._window += size
        if self._state is State.CONNECTED:
            self._transmit()
            if self.writable():
                self.tell()

    def _end(self, code: int) -> None:
        """The stream is gone, and what was to be sent with it. What has arrived can still be read."""
        self._state = State.FAILED
        self._error = code
        self._queue.clear()
        self._queued = 0
        self.tell()


class ListeningSocket(Socket):
    """A socket that listens. Streams are complete before anybody accepts them, up to its backlog."""

    kind = socket.SOCK_STREAM

    def __init__(self, machine: Machine, family: socket.AddressFamily) -> None:
        super().__init__(machine, family)
        self.listening = False
        self._backlog = 0
        self._waiting: deque[StreamSocket] = deque()

    @property
    def full(self) -> bool:
        """Whether another caller would be one too many."""
        return len(self._waiting) > self._backlog

    def listen(self, backlog: int) -> None:
        self.listening = True
        self._backlog = backlog

    def admit(self, caller: StreamSocket) -> StreamSocket:
        """Answer a caller, who then waits to be accepted."""
        answering = type(caller)(self.machine, self.family)
        answering.answer(caller)
        self._waiting.append(answering)
        # In a turn of its own: over a UNIX socket the caller is still calling.
        self.machine.network.schedule.soon(self.machine, self.tell)
        return answering

    def accept(self) -> tuple[StreamSocket, Name]:
        if not self._waiting:
            raise failed(EWOULDBLOCK)
        stream = self._waiting.popleft()
        return stream, stream.getpeername()

    def shutdown(self, how: int) -> None:
        raise failed(ENOTCONN)

    def close(self) -> None:
        super().close()
        self.listening = False
        while self._waiting:
            self._waiting.popleft().abort()

    def readable(self) -> bool:
        return bool(self._waiting)

    def writable(self) -> bool:
        return False
