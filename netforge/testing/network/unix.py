"""UNIX sockets: streams within one machine. What is sent is there at once; that it is there shows a moment later."""

from __future__ import annotations

from collections.abc import Callable
from errno import EAGAIN, ECONNRESET, ENOENT
from socket import SHUT_WR
from typing import Any

from netforge.testing.network.sockets import Name
from netforge.testing.network.streams import State, StreamSocket

__all__ = ["UNIXSocket"]

#: Seconds until a program gets to know what has happened to its socket.
MOMENT = 20e-6


class UNIXSocket(StreamSocket):
    """One end of a UNIX stream."""

    def recvmsg(self, size: int, ancillary: int = 0, flags: int = 0) -> tuple[bytes, list[Any], int, Name]:
        """As when nobody passes descriptors, which these sockets cannot."""
        return self.recv(size), [], 0, b""

    def tell(self) -> None:
        if self.reader is not None or self.writer is not None:
            self.machine.reactor.serve_soon(self, MOMENT)

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        if self._state is State.CONNECTED:
            if self._unread:
                self.peer._error = ECONNRESET
            if not self.hung_up:
                self.shutdown(SHUT_WR)
            self.peer.hung_up = True
            self.peer.tell()

    def abort(self) -> None:
        self.close()

    def answer(self, caller: UNIXSocket) -> None:
        self._state = State.CONNECTED
        self._peer = caller
        self.local = caller.remote
        self.remote = b""

    def _connect(self, name: Any) -> int:
        listening = self.machine.kernel.listening_on_path(name)
        if listening is None:
            return ENOENT
        if listening.full:
            self.hung_up = True
            return EAGAIN
        self._state = State.CONNECTED
        self._note("connect")
        self._peer = listening.admit(self)
        return 0

    def _carry(self, size: int, call: Callable[..., object], *arguments: Any) -> None:
        call(*arguments)

    def _note(self, what: str, data: bytes = b"") -> None:
        here, there = self.machine.spell(self.local), self.machine.spell(self.remote)
        self.machine.network.trace.note("UNIX", f"{here} > {there}  {what}".rstrip(), data)
