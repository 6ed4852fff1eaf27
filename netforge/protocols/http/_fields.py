"""Fields of messages (RFC 9110, section 5): what may be said in them."""

from __future__ import annotations

import re
from http import HTTPStatus

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.exchange import Fields

__all__ = ["check_values", "framing", "host_of", "lower_name", "named", "too_large"]

#: A field's name (RFC 9110, section 5.1).
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

#: host [":" port] (RFC 9110, section 7.2): a registered name, an IPv4 address or an IP literal.
AUTHORITY = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]{0,5})?")

#: Fields that say how connection or body are framed, or that the server says by itself.
FRAMING = frozenset((b"connection", b"content-length", b"transfer-encoding", b"date"))

# What was found right: names, in lower case by how an application wrote them, and values of Host, as text. There are
# few of either, unless somebody makes them up.
_NAMES: dict[bytes, bytes] = {}
_HOSTS: dict[bytes, str] = {}
_MOST = 4096


def host_of(value: bytes) -> str:
    """A host, with or without a port, as text.

    :raises BadRequest: if it is none.
    """
    host = _HOSTS.get(value)
    if host is None:
        if not AUTHORITY.fullmatch(value):
            raise BadRequest(f"{value[:100]!r} is neither the name of a host nor an address")
        host = value.decode("ascii")
        if len(_HOSTS) < _MOST:
            _HOSTS[value] = host
    return host


def lower_name(name: bytes) -> bytes:
    """The name of a field in lower case.

    :raises LocalProtocolError: if it is none.
    """
    lower = _NAMES.get(name)
    if lower is None:
        if not TOKEN.fullmatch(name):
            raise LocalProtocolError(f"{name!r} is no name of a field")
        lower = name.lower()
        if len(_NAMES) < _MOST:
            _NAMES[name] = lower
    return lower


def named(fields: Fields) -> list[tuple[bytes, bytes]]:
    """Fields whose names are right.

    :raises LocalProtocolError: if one is not.
    """
    right = [*fields]
    for name, _ in right:
        lower_name(name)
    return right


def framing(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Those of the fields of a response that are in :data:`FRAMING`, by their names in lower case.

    :raises LocalProtocolError: if one is given twice or is the server's own, or a name or Content-Length is wrong.
    """
    found = {}
    for name, value in fields:
        lower = _NAMES.get(name) or lower_name(name)
        if lower in FRAMING:
            if lower in found:
                raise LocalProtocolError(f"{lower.decode()} is given more than once")
            found[lower] = value
    if b"transfer-encoding" in found:
        raise LocalProtocolError("how the body is framed is the server's affair: leave Transfer-Encoding out")
    if not found.get(b"content-length", b"0").isdigit():
        raise LocalProtocolError(f"{found[b'content-length']!r} is no Content-Length")
    return found


def check_values(fields: Fields) -> None:
    """Look whether a field would end before its end (RFC 9110, section 5.5).

    :raises LocalProtocolError: if one would.
    """
    values = b"".join([value for _, value in fields])
    if b"\n" in values or b"\r" in values or b"\0" in values:
        raise LocalProtocolError("a field has CR, LF or NUL in it")


def too_large(what: str, most: int, unit: str = "bytes") -> BadRequest:
    """The answer to a head or trailers that are too large."""
    return BadRequest(f"{what} has more than {most} {unit}", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
