"""The reader, byte for byte, as HAProxy's text has it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.proxyheader import (
    HEADER_CAP,
    LINE_CAP,
    TLV,
    Endpoint,
    Header,
    HeaderReader,
    Payload,
    TLVType,
    encode_v1,
    encode_v2,
)

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT, SERVER = Endpoint("192.168.0.1", 56324), Endpoint("192.168.0.11", 443)
EXAMPLE = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"
ADDRESSES = bytes([192, 168, 0, 1, 192, 168, 0, 11, 0xDC, 0x04, 0x01, 0xBB])


def read(*chunks: bytes) -> list[Header | Payload]:
    """All events, with adjacent payload joined."""
    reader = HeaderReader()
    events: list[Header | Payload] = []
    for event in (one for chunk in chunks for one in reader.receive_data(chunk)):
        if events and isinstance(event, Payload) and isinstance(events[-1], Payload):
            events[-1] = Payload(events[-1].data + event.data)
        else:
            events.append(event)
    return events


def block(command: int, family: int, body: bytes, length: int | None = None) -> bytes:
    return SIGNATURE + bytes([command, family]) + (len(body) if length is None else length).to_bytes(2) + body


def outcome(*chunks: bytes) -> object:
    try:
        return read(*chunks)
    except RemoteProtocolError:
        return "refused"


HEADERS = st.sampled_from(
    [
        EXAMPLE,
        b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 1.2.3.4\r\n",
        block(0x21, 0x11, ADDRESSES),
        block(0x20, 0x00, b"whatever"),
        block(0x21, 0x11, ADDRESSES + b"\x02\x00\x0bexample.com"),
        block(0x21, 0x11, ADDRESSES + b"\x02\x00\xffexample.com"),
        block(0x31, 0x11, ADDRESSES),
        b"GET / HTTP/1.1\r\n",
        b"P" * 200,
        b"PROXY " + b"x" * 200,
    ]
)


@given(HEADERS, st.binary(max_size=20), st.lists(st.integers(0, 60), max_size=8))
def test_chunks_make_no_difference(header: bytes, rest: bytes, cuts: list[int]) -> None:
    data = header + rest
    ends = [0, *sorted(cuts), len(data)]
    assert outcome(*(data[a:b] for a, b in pairwise(ends))) == outcome(data)


@given(st.binary(max_size=64), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21"]))
def test_anything_is_a_header_or_an_error(data: bytes, prefix: bytes) -> None:
    outcome(prefix + data)


def test_the_examples_of_the_text() -> None:
    assert read(EXAMPLE + b"GET /") == [Header(CLIENT, SERVER), Payload(b"GET /")]
    assert read(block(0x21, 0x11, ADDRESSES) + b"GET /") == [Header(CLIENT, SERVER), Payload(b"GET /")]


def test_a_header_is_told_when_its_last_byte_is_there_and_not_before() -> None:
    for whole in (EXAMPLE, block(0x21, 0x11, ADDRESSES), b"PROXY UNKNOWN\r\n"):
        reader = HeaderReader()
        assert reader.receive_data(whole[:-1]) == []
        assert len(reader.receive_data(whole[-1:])) == 1
        assert reader.receive_data(b"") == []


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 0443",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 -1",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 ",
        b"PROXY TCP4  192.168.0.1 192.168.0.11 56324 443",
        b"PROXY TCP4 192.168.0.01 192.168.0.11 56324 443",
        b"PROXY TCP4 192.168.1 192.168.0.11 56324 443",
        b"PROXY TCP4 ::1 ::1 56324 443",
        b"PROXY TCP6 192.168.0.1 192.168.0.11 56324 443",
        b"PROXY TCP6 fe80::1%eth0 ::1 56324 443",
        b"PROXY TCP6 ::1:::1 ::1 56324 443",
        b"PROXY TCP4 192.168.0.1 192.168.0.\xb2 56324 443",
        b"PROXY UDP4 192.168.0.1 192.168.0.11 56324 443",
        b"PROXY UNKNOWNS",
        b"PROXY tcp4 192.168.0.1 192.168.0.11 56324 443",
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n",
        b"PROXY ",
    ],
)
def test_a_line_that_does_not_match_exactly_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="expected"):
        read(line + b"\r\n")


def test_what_is_no_header_is_refused_at_its_first_wrong_byte() -> None:
    for data in (b"G", b"PROXX", b"\r\n\r\n\r", b"\x16"):
        with pytest.raises(RemoteProtocolError, match="expected a PROXY header"):
            read(data)
        assert read(data[:-1]) == []


def test_a_line_has_at_most_107_bytes() -> None:
    longest = b"PROXY UNKNOWN " + b"x" * (LINE_CAP - 16) + b"\r\n"
    assert len(longest) == LINE_CAP == 107
    assert read(longest + b"y") == [Header(), Payload(b"y")]
    with pytest.raises(RemoteProtocolError, match="CR LF within 107 bytes"):
        read(longest[:-2] + b"x\r\n")


@pytest.mark.parametrize("line", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 whatever \n\r 1\r\n"])
def test_unknown_tells_no_addresses_whatever_follows(line: bytes) -> None:
    assert read(line + b"x") == [Header(), Payload(b"x")]


@pytest.mark.parametrize("family", [0x00, 0x11, 0x21, 0xFF])
def test_local_tells_no_addresses_and_is_skipped_as_a_whole(family: int) -> None:
    assert read(block(0x20, family, ADDRESSES) + b"x") == [Header(), Payload(b"x")]


@pytest.mark.parametrize(("family", "size"), [(0x00, 5), (0x01, 12), (0x12, 12), (0x22, 36), (0x31, 216), (0x10, 12)])
def test_what_is_not_tcp_tells_no_addresses(family: int, size: int) -> None:
    assert read(block(0x21, family, bytes(size)) + b"x") == [Header(), Payload(b"x")]


@pytest.mark.parametrize("family", [0x41, 0x13, 0xF0])
def test_families_and_protocols_that_do_not_exist_are_refused(family: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"found 0x{family:02x}"):
        read(block(0x21, family, bytes(216)))


@pytest.mark.parametrize("command", [0x11, 0x31, 0x22, 0x2F, 0x00])
def test_versions_and_commands_that_do_not_exist_are_refused(command: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"found 0x{command:02x}"):
        read(block(command, 0x11, ADDRESSES))


@pytest.mark.parametrize(("family", "size"), [(0x11, 12), (0x21, 36), (0x31, 216)])
def test_addresses_must_be_whole(family: int, size: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"expected {size} bytes of addresses, found {size - 1}"):
        read(block(0x21, family, bytes(size - 1)))


def test_a_block_has_at_most_4096_bytes() -> None:
    padding = HEADER_CAP - 16 - 12 - 3
    largest = block(0x21, 0x11, ADDRESSES + b"\x04" + padding.to_bytes(2) + bytes(padding))
    assert read(largest + b"x") == [Header(CLIENT, SERVER), Payload(b"x")]
    with pytest.raises(RemoteProtocolError, match="at most 4096 bytes, not 4097"):
        read(block(0x21, 0x11, b"", HEADER_CAP - 15))


def test_tlvs_come_in_their_order_without_padding() -> None:
    body = ADDRESSES + b"\x02\x00\x0bexample.com" + b"\x04\x00\x02\0\0" + b"\xe0\x00\x00"
    [header] = read(block(0x21, 0x11, body))
    assert header == Header(CLIENT, SERVER, (TLV(TLVType.AUTHORITY, b"example.com"), TLV(0xE0, b"")))


@pytest.mark.parametrize("tail", [b"\x02", b"\x02\x00", b"\x02\x00\x02x"])
def test_a_tlv_must_be_whole(tail: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="TLV"):
        read(block(0x21, 0x11, ADDRESSES + tail))


def test_a_checksum_finds_every_changed_byte() -> None:
    data = encode_v2(Header(CLIENT, SERVER), checksum=True)
    assert read(data) == [Header(CLIENT, SERVER)]
    kind = len(data) - 7
    for position in {*range(16, len(data))} - {kind}:
        broken = bytearray(data)
        broken[position] ^= 1
        with pytest.raises(RemoteProtocolError):
            read(bytes(broken))


def test_a_checksum_has_four_bytes() -> None:
    with pytest.raises(RemoteProtocolError, match="a checksum has 4 bytes, not 3"):
        read(block(0x21, 0x11, ADDRESSES + b"\x03\x00\x03abc"))


def test_the_reader_takes_what_the_writers_write() -> None:
    header = Header(Endpoint("2001:db8::1", 1), Endpoint("2001:db8::2", 65535))
    assert read(encode_v1(header)) == read(encode_v2(header)) == [header]
