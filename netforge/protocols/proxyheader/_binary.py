"""Version 2: a block of bytes (section 2.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.proxyheader._crc32c import crc32c
from netforge.protocols.proxyheader._text import parse_host
from netforge.protocols.proxyheader.events import TLV, Endpoint, Header, TLVType

__all__ = ["FIXED", "HEADER_CAP", "SIGNATURE", "decode_v2", "encode_v2", "size_of"]

HEADER_CAP = 4096
"""The most bytes of a header of version 2. The text wants it below 536, and its length field could say 65551."""

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

#: The part of fixed size, and what stands after the signature in it: version and command, family and protocol, length.
FIXED = 16
_AFTER_SIGNATURE = struct.Struct("!BBH")

_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
#: The sizes of two addresses with what belongs to them, by family: none, IPv4, IPv6, UNIX.
_SIZES = {0: 0, 1: 12, 2: 36, 3: 216}
_PROTOCOLS = range(3)

_TLV = struct.Struct("!BH")
_CRC_SIZE = 4


def size_of(fixed: bytes) -> int:
    """The size of a whole header.

    :param fixed: its first 16 bytes, which begin with the signature.
    :raises RemoteProtocolError: nothing good can follow.
    """
    command, family, length = _after_signature(fixed)
    if command not in (_LOCAL, _PROXY):
        raise RemoteProtocolError(f"expected version 2 with the command LOCAL or PROXY, found 0x{command:02x}")
    if command == _PROXY and (family >> 4 not in _SIZES or family & 15 not in _PROTOCOLS):
        raise RemoteProtocolError(f"expected a family and a protocol that version 2 knows, found 0x{family:02x}")
    if FIXED + length > HEADER_CAP:
        raise RemoteProtocolError(f"a header has at most {HEADER_CAP} bytes, not {FIXED + length}")
    if command == _PROXY and length < _SIZES[family >> 4]:
        raise RemoteProtocolError(f"expected {_SIZES[family >> 4]} bytes of addresses, found {length}")
    return FIXED + length


def decode_v2(block: bytes) -> Header:
    """Read a whole header.

    :param block: as many bytes as :func:`size_of` says.
    :raises RemoteProtocolError: its checksum is wrong, or its TLVs do not fit.
    """
    command, family, _ = _after_signature(block)
    # Without a family nobody can say where addresses end and TLVs begin.
    if command == _LOCAL or family >> 4 == 0:
        return Header()
    ends = FIXED + _SIZES[family >> 4]
    tlvs = []
    for start, tlv in _tlvs(block, ends):
        if tlv.type == TLVType.CRC32C:
            _check(block, start, tlv.value)
        elif tlv.type != TLVType.NOOP:
            tlvs.append(tlv)
    if family not in (_TCP4, _TCP6):
        return Header(tlvs=tuple(tlvs))
    width = 4 if family == _TCP4 else 16
    hosts = (block[FIXED + one * width : FIXED + (one + 1) * width] for one in range(2))
    ports = struct.unpack_from("!HH", block, ends - 4)
    source, destination = (Endpoint(str(ip_address(host)), port) for host, port in zip(hosts, ports, strict=True))
    return Header(source, destination, tuple(tlvs))


def _after_signature(block: bytes) -> tuple[int, int, int]:
    """Version and command, family and protocol, and how many bytes follow."""
    command, family, length = _AFTER_SIGNATURE.unpack_from(block, len(SIGNATURE))
    return command, family, length


def _tlvs(block: bytes, start: int) -> Iterator[tuple[int, TLV]]:
    """Each TLV, and where its value begins."""
    while start < len(block):
        if len(block) - start < _TLV.size:
            raise RemoteProtocolError(f"expected a TLV, found the last {len(block) - start} bytes of the header")
        kind, length = _TLV.unpack_from(block, start)
        start += _TLV.size
        if length > len(block) - start:
            raise RemoteProtocolError(f"TLV 0x{kind:02x} has {length} bytes, of which {len(block) - start} are there")
        yield start, TLV(kind, block[start : start + length])
        start += length


def _check(block: bytes, start: int, checksum: bytes) -> None:
    if len(checksum) != _CRC_SIZE:
        raise RemoteProtocolError(f"a checksum has {_CRC_SIZE} bytes, not {len(checksum)}")
    expected = crc32c(block[:start] + bytes(_CRC_SIZE) + block[start + _CRC_SIZE :])
    if int.from_bytes(checksum) != expected:
        raise RemoteProtocolError(f"the checksum is {expected:08x}, but the header says {checksum.hex()}")


def encode_v2(header: Header, *, checksum: bool = False) -> bytes:
    """Write a header as version 2 does. Send it at once and first.

    :param checksum: whether to add one (section 2.2.3).
    :returns: at most 4096 bytes.
    :raises LocalProtocolError: the addresses are not IP addresses of one family, or the header is too long, or there
        are TLVs without addresses.
    """
    tlvs = b"".join(_TLV.pack(kind, len(value)) + value for kind, value in header.tlvs)
    if header.source is None or header.destination is None:
        if tlvs or checksum:
            raise LocalProtocolError("a header without addresses has no TLVs")
        return SIGNATURE + _AFTER_SIGNATURE.pack(_LOCAL, 0, 0)
    source, destination = parse_host(header.source), parse_host(header.destination)
    if source.version != destination.version:
        raise LocalProtocolError(f"expected two addresses of one family, found {source} and {destination}")
    ports = struct.pack("!HH", header.source.port, header.destination.port)
    if checksum:
        tlvs += _TLV.pack(TLVType.CRC32C, _CRC_SIZE) + bytes(_CRC_SIZE)
    body = source.packed + destination.packed + ports + tlvs
    if FIXED + len(body) > HEADER_CAP:
        raise LocalProtocolError(f"a header has at most {HEADER_CAP} bytes, not {FIXED + len(body)}")
    family = _TCP4 if source.version == 4 else _TCP6
    block = SIGNATURE + _AFTER_SIGNATURE.pack(_PROXY, family, len(body)) + body
    return block[:-_CRC_SIZE] + crc32c(block).to_bytes(_CRC_SIZE) if checksum else block
