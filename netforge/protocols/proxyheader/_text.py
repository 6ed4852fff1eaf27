"""Version 1: one line of text (section 2.1)."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.proxyheader.events import Endpoint, Header

__all__ = ["LINE_CAP", "PREFIX", "decode_v1", "encode_v1", "parse_host"]

LINE_CAP = 107
"""The most bytes of version 1's line, its CR LF among them: the longest that can be written, says section 2.1."""

PREFIX = b"PROXY "

_FAMILIES: dict[bytes, type[IPv4Address | IPv6Address]] = {b"TCP4": IPv4Address, b"TCP6": IPv6Address}
_LINE = re.compile(rb"PROXY (TCP[46]) ([^ ]+) ([^ ]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})")
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: .*)?", re.DOTALL)


def decode_v1(line: bytes) -> Header:
    """Read a line, without its CR LF.

    :raises RemoteProtocolError: it is not what section 2.1 allows.
    """
    if _UNKNOWN.fullmatch(line):
        return Header()
    found = _LINE.fullmatch(line)
    if found is None:
        raise RemoteProtocolError(f"expected PROXY, TCP4, TCP6 or UNKNOWN, two addresses and two ports, found {line!r}")
    family, *hosts = found.groups()[:3]
    ports = [int(port) for port in found.groups()[3:]]
    try:
        source, destination = (_spelled(_FAMILIES[family], host) for host in hosts)
    except ValueError:
        raise RemoteProtocolError(f"expected two addresses of {family.decode()}, found {line!r}") from None
    if max(ports) > 65535:
        raise RemoteProtocolError(f"expected ports from 0 to 65535, found {line!r}")
    return Header(Endpoint(source, ports[0]), Endpoint(destination, ports[1]))


def _spelled(family: type[IPv4Address | IPv6Address], host: bytes) -> str:
    if b"%" in host:
        raise ValueError("a zone means something to the proxy alone")
    return str(family(host.decode("ascii")))


def encode_v1(header: Header) -> bytes:
    """Write a header as version 1 does, which cannot tell further facts. Send it at once and first.

    :returns: at most 107 bytes.
    :raises LocalProtocolError: the addresses are not IP addresses of one family, or there are further facts.
    """
    if header.tlvs:
        raise LocalProtocolError("version 1 has no words for TLVs: write version 2")
    if header.source is None or header.destination is None:
        return b"PROXY UNKNOWN\r\n"
    source, destination = parse_host(header.source), parse_host(header.destination)
    if source.version != destination.version:
        raise LocalProtocolError(f"expected two addresses of one family, found {source} and {destination}")
    line = f"PROXY TCP{source.version} {source} {destination} {header.source.port} {header.destination.port}\r\n"
    return line.encode("ascii")


def parse_host(end: Endpoint) -> IPv4Address | IPv6Address:
    """The address of an end that is to be written.

    :raises LocalProtocolError: it is none, or the port is none.
    """
    if not 0 <= end.port <= 65535:
        raise LocalProtocolError(f"expected a port from 0 to 65535, found {end.port}")
    try:
        return (IPv6Address if ":" in end.host else IPv4Address)(end.host.partition("%")[0])
    except AddressValueError as error:
        raise LocalProtocolError(f"expected an IP address: {error}") from None
