"""What a machine's kernel knows: which socket has which address."""

from __future__ import annotations

import socket
from errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL
from itertools import count
from typing import TYPE_CHECKING, Any

from netforge.testing.network.datagrams import DatagramSocket
from netforge.testing.network.sockets import Name, Socket, failed
from netforge.testing.network.streams import ListeningSocket

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine

__all__ = ["Kernel"]

#: The ports that a kernel chooses from (RFC 6335, section 6).
EPHEMERAL = range(49152, 65536)
#: What a socket is bound to that does not mind through which of its machine's addresses it is reached.
ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class Kernel:
    """The sockets of one machine, and their addresses. A socket of IPv6 is reached over IPv6 only.

    :param machine: whose kernel it is.
    :ivar sockets: those that are open.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.sockets: dict[Socket, None] = {}
        self._numbers = count(3)
        self._next_port = EPHEMERAL.start
        self._bound: dict[tuple[socket.SocketKind, int], list[Socket]] = {}
        self._paths: dict[bytes, ListeningSocket] = {}

    def open(self, opened: Socket) -> int:
        """Take note of a new socket, and give it a number."""
        self.sockets[opened] = None
        return next(self._numbers)

    def bind(self, bound: Socket, name: Name) -> None:
        """Give a socket an address.

        :raises OSError: if it cannot be had.
        """
        if isinstance(name, bytes):
            assert isinstance(bound, ListeningSocket)
            if name in self._paths:
                raise failed(EADDRINUSE)
            self._paths[name] = bound
            bound.local = name
            return
        host, port = name[0] or ANY[bound.family], name[1]
        if host != ANY[bound.family] and not self._machine.has(host):
            raise failed(EADDRNOTAVAIL)
        if not 0 <= port < 65536:
            raise failed(EINVAL)
        port = port or self._free_port(bound.kind)
        others = self._bound.setdefault((bound.kind, port), [])
        if any(_clash(bound.family, host, other) for other in others):
            raise failed(EADDRINUSE)
        others.append(bound)
        bound.local = _name(bound.family, host, port)

    def bind_towards(self, bound: Socket, host: str) -> None:
        """Give a socket that calls *host* an address to be called back at, unless it has one."""
        if bound.local is None:
            self.bind(bound, (self._source_host(bound.family, host), 0))
        elif bound.local[0] == ANY[bound.family]:
            bound.local = _name(bound.family, self._source_host(bound.family, host), bound.local[1])

    def source(self, sender: Socket, host: str) -> Name:
        """What a receiver at *host* sees as the source of a datagram."""
        if sender.local is None:
            self.bind(sender, ("", 0))
        assert isinstance(sender.local, tuple)
        source = sender.local[0]
        if source == ANY[sender.family]:
            source = self._source_host(sender.family, host)
        return _name(sender.family, source, sender.local[1])

    def release(self, bound: Socket) -> None:
        """Forget a socket, and let others have its address."""
        self.sockets.pop(bound, None)
        if isinstance(bound.local, bytes):
            if self._paths.get(bound.local) is bound:
                del self._paths[bound.local]
        elif bound.local is not None:
            key = (bound.kind, bound.local[1])
            others = self._bound.get(key, [])
            if bound in others:
                others.remove(bound)
            if not others:
                self._bound.pop(key, None)

    def listening_at(self, name: tuple[Any, ...]) -> ListeningSocket | None:
        """What listens for streams there."""
        found = self._find(socket.SOCK_STREAM, name)
        return found if isinstance(found, ListeningSocket) and found.listening else None

    def listening_on_path(self, path: bytes) -> ListeningSocket | None:
        """What listens at the path of a UNIX socket."""
        found = self._paths.get(path)
        return found if found is not None and found.listening else None

    def receiving_at(self, name: Name) -> DatagramSocket | None:
        """What takes datagrams there."""
        assert isinstance(name, tuple)
        found = self._find(socket.SOCK_DGRAM, name)
        return found if isinstance(found, DatagramSocket) else None

    def _find(self, kind: socket.SocketKind, name: tuple[Any, ...]) -> Socket | None:
        """The socket for what arrives at a name: one of just this address rather than one of any."""
        exact = anyone = None
        family = socket.AF_INET6 if ":" in name[0] else socket.AF_INET
        for one in self._bound.get((kind, name[1]), ()):
            assert isinstance(one.local, tuple)
            if isinstance(one, ListeningSocket | DatagramSocket):
                if one.local[0] == name[0]:
                    exact = one
                elif one.local[0] == ANY[family]:
                    anyone = one
        return exact or anyone

    def _free_port(self, kind: socket.SocketKind) -> int:
        for _ in EPHEMERAL:
            port = self._next_port
            self._next_port = port + 1 if port + 1 in EPHEMERAL else EPHEMERAL.start
            if (kind, port) not in self._bound:
                return port
        raise failed(EADDRINUSE)

    def _source_host(self, family: socket.AddressFamily, host: str) -> str:
        """The machine's address that *host* is reached from."""
        if host in LOOPBACK.values() or host.startswith("127."):
            return LOOPBACK[family]
        return self._machine.address6 if family == socket.AF_INET6 else self._machine.address


def _name(family: socket.AddressFamily, host: str, port: int) -> Name:
    return (host, port, 0, 0) if family == socket.AF_INET6 else (host, port)


def _clash(family: socket.AddressFamily, host: str, other: Socket) -> bool:
    """Whether a host cannot be had beside another socket on its port."""
    assert isinstance(other.local, tuple)
    if other.family != family:
        return False
    return ANY[family] in (host, other.local[0]) or host == other.local[0]
