"""URLs that requests go to. They are read in one way only, whoever reads them later."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna

__all__ = ["Target", "joined", "parse"]

PORTS = {"http": 80, "https": 443}

#: What programs read in different ways: white space, control characters, and the backslash, a slash to some.
AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")
#: A label of a name. The underscore is in no host's name, but in those of containers.
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
LONGEST_NAME = 253
#: What some programs take for a number, and so the name for an IPv4 address.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
#: What stays as it is in a path and a query: the rest of ASCII is percent-encoded or was refused.
KEPT = "!$%&'()*+,-./:;=?@[]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    :param scheme: ``http`` or ``https``.
    :param host: a name in lower case and ASCII, or an IP address, without brackets.
    :param path: path and query, ASCII.
    :param auth: the user and the password that the URL had.
    """

    scheme: str
    host: str
    port: int
    path: str
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two URLs have in common that are of one server (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port, as a URL and the Host field have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL, without the password."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse(text: str) -> Target:
    """Read a URL.

    :raises ValueError: if it is not ``http://`` or ``https://``, or if programs disagree on what such a URL means.
    """
    if AMBIGUOUS.search(text):
        raise ValueError(f"{text!r} has white space, control characters or backslashes, which no URL has")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is no URL: {error}") from None
    if parts.scheme not in PORTS:
        raise ValueError(f"{text!r}: expected a URL that begins with http:// or https://")
    if parts.netloc.count("@") > 1:
        raise ValueError(f"{text!r} has more than one @ before its path: write %40 in a user's name or password")
    user, _, rest = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    if port == 0 or rest.endswith(":") or not (rest and parts.hostname):
        raise ValueError(f"{text!r}: expected a host, and a port from 1 to 65535 if there is one")
    path = quote(parts.path or "/", safe=KEPT)
    query = f"?{quote(parts.query, safe=KEPT)}" if parts.query else ""
    auth = (unquote(name), unquote(password)) if user else None
    return Target(parts.scheme, _host(parts.hostname, text), port or PORTS[parts.scheme], path + query, auth)


def joined(base: Target, location: str) -> Target:
    """What a ``Location`` means (RFC 9110, section 10.2.2).

    :raises ValueError: as :func:`parse`.
    """
    return parse(urljoin(base.url, location))


def _host(host: str, text: str) -> str:
    if "%" in host:
        raise ValueError(f"{text!r}: an address with a zone is of this machine alone")
    try:
        if ":" in host:
            return str(IPv6Address(host))
        name = (host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")).lower()
        labels = name.removesuffix(".").split(".")
        if NUMBER.fullmatch(labels[-1]):
            return str(IPv4Address(name))
    except (AddressValueError, UnicodeError) as error:
        raise ValueError(f"{text!r}: {error}") from None
    if len(name) > LONGEST_NAME or not all(map(LABEL.fullmatch, labels)):
        raise ValueError(f"{text!r}: {host!r} is no name of a host")
    return name
