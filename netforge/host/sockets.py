"""Kernel sockets for addresses: bound early, while there are privileges, and adopted by the reactor later."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from netforge.plugin import Address, Inherited, Internet, Unix

__all__ = ["BACKLOG", "bind", "remove_unix_socket"]

INTERNET = (socket.AF_INET, socket.AF_INET6)


#: Connections that the kernel may hold before they are accepted; it cuts this down to net.core.somaxconn.
BACKLOG = 1024

#: The number of the first descriptor that systemd passes (sd_listen_fds, SD_LISTEN_FDS_START).
FIRST_INHERITED = 3


def bind(address: Address) -> socket.socket:
    """A socket bound to an address, not yet listening, so that nobody can connect before the service is ready.

    A UNIX socket that a dead process left behind is replaced.

    :raises OSError: saying what the system said.
    """
    match address:
        case Internet():
            return _internet(address)
        case Unix(path):
            return _unix(path)
        case Inherited():
            return _inherited(address)


def _internet(address: Internet) -> socket.socket:
    family = socket.AF_INET6 if address.kind.endswith("6") else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM if address.datagram else socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        if not address.datagram:
            # A restart need not wait for the last connections' TIME_WAIT.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address.host, address.port))
    except OSError:
        made.close()
        raise
    return made


def _unix(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is_dead(path):
            path.unlink()
        made.bind(str(path))
        # At once, or another process would take the socket for one that was left behind. Who connects now waits.
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _is_dead(path: Path) -> bool:
    """Whether a UNIX socket stands there that nobody listens on, as after ``kill -9``."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                # Where somebody listens whose backlog is full, connecting would wait.
                probe.setblocking(False)
                return probe.connect_ex(str(path)) == errno.ECONNREFUSED
    return False


def _inherited(address: Inherited) -> socket.socket:
    descriptor = os.dup(_descriptor(address))
    try:
        made = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
    expected = socket.SOCK_DGRAM if address.datagram else socket.SOCK_STREAM
    families = INTERNET if address.datagram else (*INTERNET, socket.AF_UNIX)
    if made.type != expected or made.family not in families:
        found = f"{socket.SocketKind(made.type).name} of {socket.AddressFamily(made.family).name}"
        made.close()
        raise OSError(errno.EPROTOTYPE, f"expected a socket of type {expected.name}, found {found}")
    made.setblocking(False)
    return made


def _descriptor(address: Inherited) -> int:
    if isinstance(address.descriptor, int):
        return address.descriptor
    # Twisted removes the rest of what systemd passed from the environment when its endpoints are imported; what is
    # meant for another process it leaves there.
    ours = os.environ.get("LISTEN_PID", str(os.getpid())) == str(os.getpid())
    names = os.environ.get("LISTEN_FDNAMES", "").split(":") if ours else []
    if address.descriptor not in names:
        raise OSError(errno.EBADF, f"systemd passed no descriptor of that name; it passed {', '.join(names) or 'none'}")
    return FIRST_INHERITED + names.index(address.descriptor)


def remove_unix_socket(path: Path, inode: int) -> None:
    """Remove the file of a UNIX socket that is closed, unless another process has put its own there since."""
    with suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()
