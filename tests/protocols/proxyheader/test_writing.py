"""The writers: what they write is read back, by us and by Twisted."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.proxyheader import (
    LINE_CAP,
    TLV,
    Endpoint,
    Header,
    HeaderReader,
    TLVType,
    encode_v1,
    encode_v2,
)
from netforge.protocols.proxyheader._crc32c import crc32c

PORTS = st.integers(0, 65535)


def ends(version: Literal[4, 6]) -> st.SearchStrategy[Endpoint]:
    return st.builds(Endpoint, st.ip_addresses(v=version).map(str), PORTS)


PAIRS = st.one_of(st.tuples(ends(4), ends(4)), st.tuples(ends(6), ends(6)))
TLVS = st.lists(
    st.builds(TLV, st.integers(0, 255).filter(lambda kind: kind not in (3, 4)), st.binary(max_size=100)), max_size=5
)
V4 = Header(Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 2))


@given(PAIRS)
def test_a_line_is_read_back(pair: tuple[Endpoint, Endpoint]) -> None:
    line = encode_v1(Header(*pair))
    assert len(line) <= LINE_CAP
    assert HeaderReader().receive_data(line) == [Header(*pair)]
    parsed: Any = V1Parser.parse(line[:-2])
    assert (parsed.source.port, parsed.destination.port) == (pair[0].port, pair[1].port)


@given(PAIRS, TLVS, st.booleans())
def test_a_block_is_read_back(pair: tuple[Endpoint, Endpoint], tlvs: list[TLV], checksum: bool) -> None:
    header = Header(*pair, tuple(tlvs))
    block = encode_v2(header, checksum=checksum)
    assert HeaderReader().receive_data(block) == [header]
    parsed: Any = V2Parser.parse(block)
    assert (parsed.source.port, parsed.destination.port) == (pair[0].port, pair[1].port)


def test_a_header_without_addresses() -> None:
    assert encode_v1(Header()) == b"PROXY UNKNOWN\r\n"
    assert encode_v2(Header()) == b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
    assert HeaderReader().receive_data(encode_v2(Header())) == [Header()]


def test_the_checksum_is_that_of_rfc_4960() -> None:
    # The check value of CRC-32C, and that of 32 zeros (RFC 3720, appendix B.4).
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (Header(Endpoint("192.0.2.1", 1), Endpoint("::1", 2)), "one family"),
        (Header(Endpoint("example.com", 1), Endpoint("192.0.2.2", 2)), "expected an IP address"),
        (
            Header(Endpoint("192.0.2.1", 65536), Endpoint("192.0.2.2", 2)),
            "to 65535, found 65536",
        ),
    ],
)
def test_what_has_no_words_is_refused(header: Header, message: str) -> None:
    for encode in (encode_v1, encode_v2):
        with pytest.raises(LocalProtocolError, match=message):
            encode(header)


def test_facts_need_version_2_addresses_and_room() -> None:
    authority = (TLV(TLVType.AUTHORITY, b"example.com"),)
    with pytest.raises(LocalProtocolError, match="write version 2"):
        encode_v1(Header(V4.source, V4.destination, authority))
    with pytest.raises(LocalProtocolError, match="no TLVs"):
        encode_v2(Header(tlvs=authority))
    with pytest.raises(LocalProtocolError, match="at most 4096 bytes"):
        encode_v2(Header(V4.source, V4.destination, (TLV(0xE0, bytes(4096)),)))


def test_a_zone_stays_at_home() -> None:
    header = Header(Endpoint("fe80::1%eth0", 1), Endpoint("fe80::2", 2))
    assert encode_v1(header) == b"PROXY TCP6 fe80::1 fe80::2 1 2\r\n"
