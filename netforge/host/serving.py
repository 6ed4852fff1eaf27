"""What serves where, and how to try it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from netforge.plugin import Address, Datagram, Internet, Stream, Unix

__all__ = ["Serving", "serving"]

#: Sends a line and shows what comes back. Discarding services show nothing.
TRY_A_LINE = "echo hello | {nc}"

#: What a client on this machine connects to for "every interface".
REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Serving:
    """One address that is served.

    :param name: the service's name in the settings.
    :param protocol: what is spoken there.
    :param address: the address in use.
    :param try_it: a shell command that shows it at work.
    """

    name: str
    protocol: str
    address: str
    try_it: str


def serving(name: str, protocol: str, part: Stream | Datagram, address: Address, *, tls: bool = False) -> Serving:
    """Describe a part at the address that it got.

    :param tls: whether it speaks TLS from the first byte.
    """
    host, port, path = "", "", ""
    match address:
        case Internet(_, where, number):
            host, port = REACHABLE.get(where, where), str(number)
        case Unix(where):
            path = shlex.quote(str(where))
    words = {"nc": _tls_client(host, port) if tls else _netcat(address, host), "host": host, "port": port, "path": path}
    # Only these words: other braces are the shell's, or JSON's.
    try_it = re.sub(r"\{(nc|host|port|path)\}", lambda found: words[found[1]], part.try_it or TRY_A_LINE)
    return Serving(name, part.protocol or protocol, str(address), try_it)


def _tls_client(host: str, port: str) -> str:
    """The same over TLS. It believes any certificate."""
    return f"timeout 1 openssl s_client -quiet -connect {host}:{port} 2>/dev/null"


def _netcat(address: Address, host: str) -> str:
    """The command that connects standard input and output to an address, and ends a second after the last byte."""
    match address:
        case Unix(Path() as path):
            return f"nc -w1 -U {shlex.quote(str(path))}"
        case Internet(_, _, port):
            return f"nc {'-u ' if address.datagram else ''}-w1 {host} {port}"
        case _:
            return f"nc  # {address}"
