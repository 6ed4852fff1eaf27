"""The fields that a proxy passes on, leaves out and adds (RFC 9110, section 7.6; RFC 7239)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network

from twisted.internet.address import IPv4Address, IPv6Address

from netforge.plugin import Connection
from netforge.protocols.http import Exchange, Headers, Response

__all__ = ["Forwarding", "response_fields", "trailer_fields"]

#: What is said from one hop to the next and no further, whether or not Connection lists it.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy",  # which CGI programs take for HTTP_PROXY of their environment
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)

#: Where a request comes from, as proxies say it.
ORIGIN = frozenset(
    (
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-server",
        b"x-forwarded-ssl",
        b"x-real-ip",
    )
)

#: What the client of the upstream says by itself.
REQUEST_OWN = HOP_BY_HOP | ORIGIN | {b"content-length", b"expect", b"host", b"via"}

#: What has no place after a body (RFC 9110, section 6.5.1).
NO_TRAILERS = REQUEST_OWN | {b"authorization", b"cookie", b"set-cookie", b"content-encoding", b"content-type", b"date"}


class Forwarding:
    """What upstreams are told of a request besides what it says.

    :param trusted: networks, or ``unix``, of proxies before this one: what they say of where a request comes from is
        kept and added to. What anybody else says of that is replaced.
    :param via: the name of this proxy in Via (RFC 9110, section 7.6.3); empty leaves Via alone.
    """

    def __init__(self, trusted: Iterable[str] = (), via: str = "netforge") -> None:
        self._trusts = _trust([*trusted])
        self.via = f"1.1 {via}".encode() if via else b""
        self._via = via

    def fields(self, exchange: Exchange, host: bytes, prefix: str) -> Headers:
        """The fields of the request to an upstream.

        :param host: the value of its Host.
        :param prefix: what was taken from the beginning of its path.
        """
        request = exchange.request
        listed = _listed(request.headers)
        connection = Connection.of(exchange.transport)
        fields = [(b"host", host)]
        before: dict[bytes, bytes] = {}
        for field in request.headers:
            name = field[0]
            if name in REQUEST_OWN:
                if name in ORIGIN or name == b"via":
                    before[name] = before[name] + b", " + field[1] if name in before else field[1]
            elif name not in listed and (b"_" not in name or name.replace(b"_", b"-") not in REQUEST_OWN):
                fields.append(field)
        fields += self._origin(connection, request.authority.encode(), before)
        if prefix:
            fields.append((b"x-forwarded-prefix", prefix.encode("latin-1", "replace")))
        if self._via:
            via = f"{request.version} {self._via}".encode()
            fields.append((b"via", before[b"via"] + b", " + via if b"via" in before else via))
        elif b"via" in before:
            fields.append((b"via", before[b"via"]))
        return fields

    def _origin(self, connection: Connection, authority: bytes, before: dict[bytes, bytes]) -> Headers:
        peer = connection.peer
        # A UNIX socket has none.
        host = peer.host if isinstance(peer, IPv4Address | IPv6Address) else ""
        proto = b"http" if connection.tls is None else b"https"
        element = b"for=%b;host=%b;proto=%b" % (_node(host), _quoted(authority), proto)
        said = {b"x-forwarded-for": host.encode(), b"x-forwarded-host": authority, b"x-forwarded-proto": proto}
        said[b"forwarded"] = element
        if before and self._trusts(host):
            for name, value in before.items():
                if name in (b"x-forwarded-for", b"forwarded"):
                    said[name] = value + b", " + said[name]
                elif name != b"via":
                    said[name] = value
        return [field for field in said.items() if field[1]]


def response_fields(response: Response, via: bytes) -> Headers:
    """The fields of a response to the client.

    :param via: what is added to Via; empty leaves it alone.
    """
    listed = _listed(response.headers)
    fields: Headers = []
    dated = False
    for field in response.headers:
        name = field[0]
        if name in HOP_BY_HOP or name in listed:
            continue
        if name == b"date":
            if dated:
                continue
            dated = True
        fields.append(field)
    if via:
        fields.append((b"via", via))
    return fields


def trailer_fields(trailers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """What is passed on of the fields after a body."""
    return [field for field in trailers if field[0] not in NO_TRAILERS]


def _listed(headers: Headers) -> frozenset[bytes]:
    """The fields that Connection names; how the body is framed and its length are nobody's to hide."""
    values = [value for name, value in headers if name == b"connection"]
    if not values:
        return frozenset()
    return _options(b",".join(values)) - {b"content-length"}


@lru_cache(maxsize=256)
def _options(value: bytes) -> frozenset[bytes]:
    return frozenset(option.strip(b" \t").lower() for option in value.split(b","))


def _node(host: str) -> bytes:
    """A client's address as Forwarded writes it (RFC 7239, section 6)."""
    if not host:
        return b"unknown"
    return f'"[{host}]"'.encode() if ":" in host else host.encode()


def _quoted(value: bytes) -> bytes:
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _trust(trusted: list[str]) -> Callable[[str], bool]:
    networks = [ip_network(one) for one in trusted if one != "unix"]
    unix = "unix" in trusted

    @lru_cache(maxsize=4096)
    def trusts(host: str) -> bool:
        if not host:
            return unix
        address = ip_address(host)
        return any(address in network for network in networks)

    return trusts
