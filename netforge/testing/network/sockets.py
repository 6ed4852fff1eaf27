"""What every socket of a simulated machine has, by the names of Python's :mod:`socket`.

Twisted's own transports work on these sockets, so what the network does not decide is Twisted's, unchanged.
"""

from __future__ import annotations

import os
import socket
from errno import EBADF, ENOTCONN
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine

__all__ = ["Name", "Socket", "failed"]

#: What a socket is bound or connected to: host and port, with two more for IPv6; or the path of a UNIX socket.
Name = tuple[Any, ...] | bytes

#: The names of sockets that have none.
UNBOUND: dict[socket.AddressFamily, Name] = {
    socket.AF_INET: ("0.0.0.0", 0),
    socket.AF_INET6: ("::", 0, 0, 0),
    socket.AF_UNIX: b"",
}


def failed(code: int) -> OSError:
    """An error of the kernel's, in its words."""
    return OSError(code, os.strerror(code))


class Socket:
    """A socket.

    :param machine: whose it is.
    :param family: ``AF_INET``, ``AF_INET6`` or ``AF_UNIX``.
    :ivar local: where it is bound.
    :ivar remote: what it is connected to.
    :ivar reader: told when there is something to read, if anybody wants to know.
    :ivar writer: told when there is room to write, if anybody wants to know.
    :ivar called: whether its reader and writer are about to be told.
    :ivar hung_up: whether there is nothing at the other end to write to any more.
    """

    #: As in ``socket.type``.
    kind: socket.SocketKind

    def __init__(self, machine: Machine, family: socket.AddressFamily) -> None:
        self.machine = machine
        self.family = family
        self.local: Name | None = None
        self.remote: Name | None = None
        self.reader: Any = None
        self.writer: Any = None
        self.called = False
        self.hung_up = False
        self.closed = False
        self._number = machine.kernel.open(self)
        self._error = 0
        self._options: dict[tuple[int, int], Any] = {}

    def readable(self) -> bool:
        """Whether reading would bring something: data, an end or an error."""
        raise NotImplementedError

    def writable(self) -> bool:
        """Whether writing would do something."""
        raise NotImplementedError

    def tell(self) -> None:
        """Tell the reader and the writer what is there for them."""
        if self.reader is not None or self.writer is not None:
            self.machine.reactor.serve(self)

    def close(self) -> None:
        """Give it back."""
        self.closed = True
        self.reader = self.writer = None
        self.machine.kernel.release(self)

    def fileno(self) -> int:
        return -1 if self.closed else self._number

    def setblocking(self, flag: object) -> None:
        """Nothing ever blocks here."""

    def bind(self, name: Name) -> None:
        self.machine.kernel.bind(self, name)

    def getsockname(self) -> Name:
        if self.closed:
            raise failed(EBADF)
        if self.local is not None:
            return self.local
        return UNBOUND[self.family]

    def getpeername(self) -> Name:
        if self.remote is None:
            raise failed(ENOTCONN)
        return self.remote

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int) -> Any:
        if (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            return self._take_error()
        return self._options.get((level, option), 0)

    def _take_error(self) -> int:
        code, self._error = self._error, 0
        return code
