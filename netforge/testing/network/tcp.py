"""TCP: how streams come to be across a link, and how they are reset."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from errno import ECONNREFUSED, ECONNRESET, EINPROGRESS, ENETUNREACH, ETIMEDOUT
from typing import TYPE_CHECKING, Any

from netforge.testing.network.streams import State, StreamSocket

if TYPE_CHECKING:
    from netforge.testing.network.links import Link
    from netforge.testing.network.machine import Machine

__all__ = ["TCPSocket"]

#: Bytes of headers in a segment over IPv4 (RFC 9293, RFC 791).
HEADERS = 40
#: How often a kernel tries to open a stream, at 0, 1, 3, 7, 15, 31 and 63 seconds, before it gives up at 127 (Linux).
TRIES = 7
#: What makes ``close`` a reset: lingering for no time.
_ABORT = struct.pack("ii", 1, 0)


class TCPSocket(StreamSocket):
    """One end of a connection.

    :ivar arrival: when the last that was sent arrives.
    """

    def __init__(self, machine: Machine, family: socket.AddressFamily) -> None:
        super().__init__(machine, family)
        self.arrival = 0.0
        self._link: Link | None = None
        self._far: Machine | None = None

    @property
    def link(self) -> Link:
        """What it goes across."""
        assert self._link is not None
        return self._link

    @property
    def largest(self) -> int:
        """Bytes that a segment carries at most."""
        return max(self.link.mtu - HEADERS, 1)

    @property
    def far(self) -> Machine:
        """The machine at the other end."""
        assert self._far is not None
        return self._far

    # How a connection comes to be.

    def _connect(self, name: Any) -> int:
        far = self.machine.network.find(name[0], self.machine)
        if far is None:
            return ENETUNREACH
        self._state = State.CONNECTING
        self.machine.kernel.bind_towards(self, name[0])
        self._cross(self.machine.network.between(self.machine, far), far)
        self._knock(0)
        return EINPROGRESS

    def _cross(self, link: Link, far: Machine) -> None:
        self._link, self._far = link, far
        link.join(self)

    def _knock(self, tries: int) -> None:
        """Send a SYN, and another one unless something comes back."""
        if self._state is not State.CONNECTING:
            return
        if tries == TRIES:
            self._fail(ETIMEDOUT)
            return
        if self.link.knocks():
            self._note("SYN")
            self.link.packet(self.machine, self.far, HEADERS, self._be_heard)
        else:
            self._note("SYN, lost")
        schedule = self.machine.network.schedule
        schedule.at(schedule.now + 2**tries, self.machine, self._knock, tries + 1)

    def _be_heard(self) -> None:
        """The SYN has arrived at the other machine."""
        if self._state is not State.CONNECTING or self._peer is not None:
            return
        assert isinstance(self.remote, tuple)
        listening = self.far.kernel.listening_at(self.remote)
        if listening is None:
            self._note_back("RST: nobody listens")
            self.link.packet(self.far, self.machine, HEADERS, self._fail, ECONNREFUSED)
        elif listening.full:
            self._note_back("nothing: the backlog is full")
        else:
            self._peer = listening.admit(self)

    def answer(self, caller: TCPSocket) -> None:
        self._state = State.CONNECTED
        self._peer = caller
        self.local, self.remote = caller.remote, caller.local
        self._cross(caller.link, caller.machine)
        self._note("SYN ACK")
        self._carry(0, caller._establish)

    def _establish(self) -> None:
        """The SYN ACK has arrived."""
        if self._state is State.CONNECTING:
            self._state = State.CONNECTED
            self.tell()
        elif self.closed:
            self._send_reset()

    def _fail(self, code: int) -> None:
        """There will be no connection."""
        if self._state is State.CONNECTING:
            self._end(code)

    # How it ends.

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        if self._state is State.CONNECTED:
            # What a program leaves unread, its peer must not believe read (RFC 2525, section 2.17).
            if self._unread or self._options.get((socket.SOL_SOCKET, socket.SO_LINGER)) == _ABORT:
                self._reset()
            else:
                self.shutdown(socket.SHUT_WR)
        elif self._state is State.CONNECTING:
            self._fail(0)

    def abort(self) -> None:
        self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.close()

    def be_reset(self) -> None:
        """Somebody said that there is no such connection."""
        if self._state is State.CONNECTED:
            self._end(ECONNRESET)

    def give_up(self, since: float) -> None:
        """Nothing was acknowledged for too long."""
        if self.link.holds(self) == since:
            self._end(ETIMEDOUT)

    def _reset(self) -> None:
        self._send_reset()
        self._end(0)

    def _send_reset(self) -> None:
        assert isinstance(self.peer, TCPSocket)
        self._note("RST")
        self._carry(0, self.peer.be_reset)

    def _take(self, data: bytes) -> None:
        if self.closed and self._state is State.CONNECTED:
            self._reset()
        else:
            super()._take(data)

    def _take_end(self) -> None:
        super()._take_end()
        if self._end_sent:
            self.link.leave(self)

    def _end(self, code: int) -> None:
        self.link.leave(self)
        super()._end(code)

    def _carry(self, size: int, call: Callable[..., object], *arguments: Any) -> None:
        self.link.segment(self, size + HEADERS, call, *arguments)

    def _note(self, what: str, data: bytes = b"") -> None:
        trace = self.machine.network.trace
        if trace.kept:
            here, there = self.machine.spell(self.local), self.far.spell(self.remote)
            trace.note("TCP", f"{here} > {there}  {what}".rstrip(), data)

    def _note_back(self, what: str) -> None:
        here, there = self.machine.spell(self.local), self.far.spell(self.remote)
        self.machine.network.trace.note("TCP", f"{there} > {here}  {what}")
