"""What a reader reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

__all__ = ["TLV", "Endpoint", "Header", "Payload", "TLVType"]


class TLVType(IntEnum):
    """The registered types of further facts (section 2.2)."""

    ALPN = 0x01
    AUTHORITY = 0x02
    CRC32C = 0x03
    NOOP = 0x04
    UNIQUE_ID = 0x05
    SSL = 0x20
    NETNS = 0x30


class TLV(NamedTuple):
    """A further fact.

    :param type: one of :class:`TLVType`, or any other number from 0 to 255.
    :param value: as it came.
    """

    type: int
    value: bytes


class Endpoint(NamedTuple):
    """One end of a TCP connection.

    :param host: an IPv4 or IPv6 address, in its usual spelling.
    :param port: 0 to 65535.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header is whole.

    :param source: the client, or ``None`` where the proxy tells none: the connection is its own, or of a kind that the
        protocol has no words for.
    :param destination: what the client connected to; ``None`` together with *source*.
    :param tlvs: further facts, in version 2 only. Checksum and padding are left out.
    """

    source: Endpoint | None = None
    destination: Endpoint | None = None
    tlvs: tuple[TLV, ...] = ()


@dataclass(frozen=True, slots=True)
class Payload:
    """What came after the header.

    :param data: at least a byte.
    """

    data: bytes
