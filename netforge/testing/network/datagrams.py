"""Datagrams: UDP sockets."""

from __future__ import annotations

import socket
from collections import deque
from errno import ECONNREFUSED, EDESTADDRREQ, EMSGSIZE, ENETUNREACH, EWOULDBLOCK
from typing import TYPE_CHECKING, Any

from netforge.testing.network.sockets import Name, Socket, failed

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine

__all__ = ["DatagramSocket"]

#: Bytes that a kernel keeps of what has arrived and was not read; what comes then is lost.
BUFFER = 208 * 1024
#: Bytes of a datagram at most: the 16 bits of IPv4's length less the headers (RFC 768, RFC 791).
LARGEST = 65507
#: Bytes of the headers.
HEADERS = 28


class DatagramSocket(Socket):
    """A UDP socket."""

    kind = socket.SOCK_DGRAM

    def __init__(self, machine: Machine, family: socket.AddressFamily) -> None:
        super().__init__(machine, family)
        self._incoming: deque[tuple[bytes, Name]] = deque()
        self._unread = 0

    def connect(self, name: Name) -> None:
        self.remote = name

    def send(self, data: bytes) -> int:
        if self._error:
            self.hung_up = False
            raise failed(self._take_error())
        if self.remote is None:
            raise failed(EDESTADDRREQ)
        assert isinstance(self.remote, tuple)
        return self.sendto(data, self.remote)

    def sendto(self, data: bytes, name: tuple[Any, ...]) -> int:
        if len(data) > LARGEST:
            raise failed(EMSGSIZE)
        network = self.machine.network
        far = network.find(name[0], self.machine)
        if far is None:
            raise failed(ENETUNREACH)
        data = bytes(data)
        source = self.machine.kernel.source(self, name[0])
        link = network.between(self.machine, far)
        fate = link.datagram(self.machine, far, len(data) + HEADERS, self._be_heard, far, name, source, data)
        what = f"{self.machine.spell(source)} > {far.spell(name)}  {fate}"
        network.trace.note("UDP", what.rstrip(), data)
        return len(data)

    def recvfrom(self, size: int) -> tuple[bytes, Name]:
        if not self._incoming:
            raise failed(EWOULDBLOCK)
        data, name = self._incoming.popleft()
        self._unread -= len(data)
        return data[:size], name

    def readable(self) -> bool:
        return bool(self._incoming)

    def writable(self) -> bool:
        return True

    def _be_heard(self, far: Machine, name: Name, source: Name, data: bytes) -> None:
        """A datagram has arrived at the other machine."""
        receiver = far.kernel.receiving_at(name)
        if receiver is None:
            link = self.machine.network.between(self.machine, far)
            link.packet(far, self.machine, HEADERS, self._be_refused, name)
        else:
            receiver._take(data, source)

    def _be_refused(self, name: Name) -> None:
        """ICMP's "port unreachable" has come back. Only a connected socket hears of it.

        Twisted's epoll reactor then closes its port, unless it writes first and is refused.
        """
        if not self.closed and self.remote is not None and self.remote[:2] == name[:2]:
            self._error = ECONNREFUSED
            self.hung_up = True
            self.tell()

    def _take(self, data: bytes, source: Name) -> None:
        wanted = self.remote is None or self.remote[:2] == source[:2]
        if wanted and self._unread + len(data) <= BUFFER:
            self._incoming.append((data, source))
            self._unread += len(data)
            self.tell()
