"""Where upstreams are: ``http://host:port``, ``https://host``, ``unix:/path``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint

from netforge.services.web.proxy.secure import TLSEndpoint

__all__ = ["UpstreamAddress", "parse_upstream"]

EXPECTED = "expected an upstream such as http://127.0.0.1:8000, https://app.example.org or unix:/run/app.sock"

#: Seconds from an attempt at one address of a name to that at the next.
ATTEMPT_DELAY = 0.1

INTERNET = re.compile(r"(https?)://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class UpstreamAddress:
    """The address of an upstream.

    :param text: as it is written.
    :param host: a name or an IP address; empty for a UNIX socket.
    :param port: 1 to 65535; 0 for a UNIX socket.
    :param tls: whether TLS is spoken.
    :param path: of the UNIX socket, if it is one.
    """

    text: str
    host: str = ""
    port: int = 0
    tls: bool = False
    path: Path | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def authority(self) -> str:
        """What Host says where it is to be the upstream's own name."""
        if self.path is not None:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def endpoint(self, reactor: Any, tls: IOpenSSLClientConnectionCreator | None = None) -> IStreamClientEndpoint:
        """What connects to it.

        :param tls: the client's side of TLS, where that is spoken.
        """
        if self.path is not None:
            return UNIXClientEndpoint(reactor, str(self.path))
        endpoint: IStreamClientEndpoint
        if isIPAddress(self.host):
            endpoint = TCP4ClientEndpoint(reactor, self.host, self.port)
        elif isIPv6Address(self.host):
            endpoint = TCP6ClientEndpoint(reactor, self.host, self.port)
        else:
            endpoint = HostnameEndpoint(reactor, self.host, self.port, attemptDelay=ATTEMPT_DELAY)
        return endpoint if tls is None else TLSEndpoint(endpoint, tls, reactor)


def parse_upstream(text: str) -> UpstreamAddress:
    """Read the address of an upstream.

    :raises ValueError: saying what was expected.
    """
    kind, _, path = text.partition(":")
    if kind == "unix" and path:
        return UpstreamAddress(text, path=Path(path))
    found = INTERNET.fullmatch(text)
    if found is None:
        raise ValueError(f"{EXPECTED}, found {text!r}")
    scheme, six, name, port = found.groups()
    number = int(port) if port else (443 if scheme == "https" else 80)
    if not 0 < number < 65536:
        raise ValueError(f"expected a port from 1 to 65535, found {port}")
    return UpstreamAddress(text, six or name, number, scheme == "https")
