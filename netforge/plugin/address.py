"""Addresses to listen on, as a settings file writes them: ``tcp:127.0.0.1:7007``, ``unix:/run/chat.sock``, ``fd:3``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netforge.plugin.paths import expanded

__all__ = ["Address", "Inherited", "Internet", "Unix", "parse_address"]

EXPECTED = "expected an address such as tcp:127.0.0.1:7007, tcp6:[::1]:7007, udp:7007, unix:/run/name.sock or fd:3"

Kind = Literal["tcp", "tcp6", "udp", "udp6"]

EVERY_INTERFACE = {"tcp": "0.0.0.0", "tcp6": "::", "udp": "0.0.0.0", "udp6": "::"}
LOCALHOST = {"tcp": "127.0.0.1", "tcp6": "::1", "udp": "127.0.0.1", "udp6": "::1"}


@dataclass(frozen=True, slots=True)
class Internet:
    """A TCP or UDP port on one interface or on all.

    :param kind: ``tcp``, ``tcp6``, ``udp`` or ``udp6``. The kinds for IPv6 take IPv6 only, so that ``tcp:80`` and
        ``tcp6:80`` stand side by side.
    :param host: the interface's IP address; ``0.0.0.0`` or ``::`` for all.
    :param port: 0 to 65535; 0 lets the system choose a free one.
    """

    kind: Kind
    host: str
    port: int

    @property
    def datagram(self) -> bool:
        """Whether this is UDP."""
        return self.kind.startswith("udp")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}:{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Unix:
    """A UNIX stream socket.

    :param path: where it stands in the file system; a settings file's relative path counts from that file's folder.
    """

    path: Path

    @property
    def datagram(self) -> bool:
        """Never: only streams are served on UNIX sockets."""
        return False

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class Inherited:
    """A socket that was open when the process started, as systemd's socket activation passes it.

    :param descriptor: its number, or its name in ``LISTEN_FDNAMES`` (systemd's ``FileDescriptorName=``).
    :param datagram: whether it is a UDP socket, written ``udp:fd:3``; a stream socket is written ``fd:3``.
    """

    descriptor: int | str
    datagram: bool = False

    def __str__(self) -> str:
        return f"udp:fd:{self.descriptor}" if self.datagram else f"fd:{self.descriptor}"


#: Any of the addresses.
Address = Internet | Unix | Inherited


def parse_address(text: str) -> Address:
    """Read an address.

    :param text: ``tcp:[HOST:]PORT``, ``tcp6:``, ``udp:`` and ``udp6:`` likewise (an IPv6 host in brackets),
        ``unix:PATH``, ``fd:NUMBER``, ``fd:NAME``, ``udp:fd:NUMBER``. Without a host, every interface.
    :raises ValueError: saying what was expected.
    """
    kind, colon, rest = text.partition(":")
    if not colon or not rest:
        raise ValueError(EXPECTED)
    if kind == "unix":
        return Unix(expanded(rest))
    if kind == "fd":
        return _inherited(rest, datagram=False)
    if kind == "udp" and rest.startswith("fd:"):
        return _inherited(rest.removeprefix("fd:"), datagram=True)
    if kind in ("tcp", "tcp6", "udp", "udp6"):
        host, _, port = rest.rpartition(":")
        return Internet(kind, _host(kind, host), _port(port))  # type: ignore[arg-type]  # narrowed by the line above
    raise ValueError(EXPECTED)


def _inherited(descriptor: str, *, datagram: bool) -> Inherited:
    if descriptor.isdecimal():
        return Inherited(int(descriptor), datagram)
    if not descriptor:
        raise ValueError("expected the number or the name of a descriptor, such as fd:3 or fd:web")
    return Inherited(descriptor, datagram)


def _host(kind: str, host: str) -> str:
    if not host:
        return EVERY_INTERFACE[kind]
    if host == "localhost":
        return LOCALHOST[kind]
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(f"expected the IP address of an interface, found {host!r}") from None
    six = kind.endswith("6")
    if six != (address.version == 6):
        right, shown = (f"{kind}6", f"[{address}]") if address.version == 6 else (kind.removesuffix("6"), address)
        raise ValueError(f"{address} is an IPv{address.version} address: write {right}:{shown}:...")
    return str(address)


def _port(port: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError(f"expected a port from 0 to 65535, found {port!r}")
    return int(port)
