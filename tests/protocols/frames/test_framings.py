from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from google.protobuf.proto import serialize_length_prefixed
from google.protobuf.wrappers_pb2 import BytesValue
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames import Decoder, Framing, Lines, Netstrings, Prefixed16, Prefixed32, Varints

FRAMINGS: list[Callable[..., Framing]] = [Lines, Netstrings, Prefixed16, Prefixed32, Varints]
EVERY = pytest.mark.parametrize("make", FRAMINGS, ids=lambda make: make.__name__)

# Bytes that mean something to one framing or another, so that chance finds the edges.
NOISE = st.lists(st.sampled_from([b"\r", b"\n", b"0", b"1", b"3", b":", b",", b"\0", b"\3", b"\x80", b"\xff", b"x"]))


def outcome(decoder: Decoder, chunks: list[bytes]) -> tuple[list[bytes], str | None]:
    """All payloads of a stream that ends, and the error that ended it."""
    payloads = []
    try:
        for chunk in chunks:
            payloads += decoder.receive_data(chunk)
        decoder.receive_eof()
    except RemoteProtocolError as error:
        return payloads, str(error)
    return payloads, None


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def single(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def framable(make: Callable[..., Framing], payload: bytes) -> bytes:
    return payload.replace(b"\n", b"").rstrip(b"\r") if make is Lines else payload


@EVERY
@given(payloads=st.lists(st.binary(max_size=200)), places=st.lists(st.integers(min_value=0)))
def test_what_was_sent_arrives_in_any_chunking(
    make: Callable[..., Framing], payloads: list[bytes], places: list[int]
) -> None:
    sent = [framable(make, payload) for payload in payloads]
    framing = make(max_size=200)
    stream = b"".join(map(framing.encode, sent))
    for chunks in ([stream], single(stream), cut(stream, places)):
        assert outcome(framing.decoder(), chunks) == (sent, None)


@EVERY
@given(pieces=NOISE, max_size=st.integers(min_value=0, max_value=4))
def test_noise_has_the_same_outcome_in_any_chunking(
    make: Callable[..., Framing], pieces: list[bytes], max_size: int
) -> None:
    data = b"".join(pieces)
    whole, error = outcome(make(max_size=max_size).decoder(), [data])
    assert outcome(make(max_size=max_size).decoder(), pieces) == (whole, error)
    assert all(len(payload) <= max_size for payload in whole)


@EVERY
def test_the_longest_payload_passes_and_one_byte_more_does_not(make: Callable[..., Framing]) -> None:
    framing = make(max_size=300)
    frame = make(max_size=301).encode(bytes(301))
    assert framing.decoder().receive_data(framing.encode(bytes(300))) == [bytes(300)]
    with pytest.raises(LocalProtocolError, match="at most 300 bytes, not 301"):
        framing.encode(bytes(301))
    with pytest.raises(RemoteProtocolError, match="more than 300 bytes"):
        framing.decoder().receive_data(frame)


@EVERY
def test_too_long_a_frame_is_refused_before_it_is_there(make: Callable[..., Framing]) -> None:
    frame = make(max_size=60_000).encode(bytes(60_000))
    decoder = make(max_size=1000).decoder()
    with pytest.raises(RemoteProtocolError, match="more than 1000 bytes"):
        for byte in single(frame)[:1010]:
            decoder.receive_data(byte)


@EVERY
def test_frames_before_an_error_are_delivered_first_and_the_error_stays(make: Callable[..., Framing]) -> None:
    framing = make(max_size=5)
    bad = make(max_size=6).encode(b"toobig")
    decoder = framing.decoder()
    assert decoder.error is None
    assert decoder.receive_data(framing.encode(b"one") + framing.encode(b"two") + bad) == [b"one", b"two"]
    assert decoder.error is not None
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="more than 5 bytes"):
            decoder.receive_data(framing.encode(b"three"))
        with pytest.raises(RemoteProtocolError, match="more than 5 bytes"):
            decoder.receive_eof()


@EVERY
def test_the_stream_must_not_end_within_a_frame(make: Callable[..., Framing]) -> None:
    frame = make().encode(b"hello")
    for size in range(1, len(frame)):
        decoder = make().decoder()
        assert decoder.receive_data(frame[:size]) == []
        with pytest.raises(RemoteProtocolError, match=f"ended {size} bytes into a frame"):
            decoder.receive_eof()
    decoder = make().decoder()
    decoder.receive_eof()


@pytest.mark.parametrize("make", [Lines, Netstrings, Prefixed32, Varints], ids=lambda make: make.__name__)
@pytest.mark.parametrize("small", [False, True], ids=["a byte at a time", "small frames in one chunk"])
def test_the_time_is_linear(make: Callable[..., Framing], small: bool) -> None:
    def seconds(size: int) -> float:
        framing = make(max_size=size)
        chunks = [framing.encode(b"x") * size] if small else single(framing.encode(bytes(size)))
        best = float("inf")
        for _ in range(2):
            decoder = framing.decoder()
            start = time.process_time()
            for chunk in chunks:
                decoder.receive_data(chunk)
            best = min(best, time.process_time() - start)
        return best

    # 16 times the bytes would take 256 times as long if it were quadratic.
    assert seconds(200_000) < 64 * seconds(12_500)


@EVERY
def test_framings_are_immutable_and_compare(make: Callable[..., Any]) -> None:
    framing = make(max_size=7)
    assert framing == make(max_size=7) != make(max_size=8)
    with pytest.raises(AttributeError):
        framing.max_size = 8


@EVERY
def test_a_cap_that_cannot_be_is_refused(make: Callable[..., Framing]) -> None:
    with pytest.raises(ValueError, match="not -1"):
        make(max_size=-1)
    with pytest.raises(ValueError, match=f"not {2**64}"):
        make(max_size=2**64)


# Lines


def test_lines_end_in_lf_or_cr_lf_whatever_we_send() -> None:
    for framing in (Lines(), Lines(delimiter=b"\r\n")):
        assert outcome(framing.decoder(), [b"a\nb\r\n\r\n\nc\rd\r\r\n"]) == ([b"a", b"b", b"", b"", b"c\rd\r"], None)
    assert Lines().encode(b"a") == b"a\n"
    assert Lines(delimiter=b"\r\n").encode(b"a") == b"a\r\n"


def test_a_line_of_just_the_cap_may_end_in_cr_lf_that_comes_in_pieces() -> None:
    assert outcome(Lines(max_size=3).decoder(), single(b"abc\r\n")) == ([b"abc"], None)
    assert outcome(Lines(max_size=3).decoder(), [b"abc\r", b"x\n"])[0] == []


@pytest.mark.parametrize("payload", [b"a\nb", b"a\r\nb", b"\n", b"a\r"])
def test_what_would_be_another_line_at_the_peer_is_not_sent(payload: bytes) -> None:
    for framing in (Lines(), Lines(delimiter=b"\r\n")):
        with pytest.raises(LocalProtocolError, match="no LF"):
            framing.encode(payload)


def test_lines_end_in_nothing_else() -> None:
    with pytest.raises(ValueError, match=r"not in b'\\x00'"):
        Lines(delimiter=b"\0")  # type: ignore[arg-type]  # on purpose


# Netstrings


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b":,", "found b':'"),
        (b"x", "found b'x'"),
        (b"-1:a,", "found b'-'"),
        (b" 1:a,", "found b' '"),
        (b"1 :a,", "found b' '"),
        (b"01:a,", "leading zero"),
        (b"00:,", "leading zero"),
        (b"1:ab", "expected b',' after the payload, found b'b'"),
        (b"99999999999999", "more than 65536"),
    ],
)
def test_malformed_netstrings(data: bytes, error: str) -> None:
    for chunks in ([data], single(data)):
        assert error in str(outcome(Netstrings().decoder(), chunks)[1])


def test_netstrings_of_the_specification() -> None:
    assert Netstrings().encode(b"hello world!") == b"12:hello world!,"
    assert Netstrings().encode(b"") == b"0:,"


# Prefixes


def test_prefixes_are_big_endian() -> None:
    assert Prefixed16().encode(b"ab") == b"\0\2ab"
    assert Prefixed32().encode(b"ab") == b"\0\0\0\2ab"
    with pytest.raises(ValueError, match="65536"):
        Prefixed16(max_size=65536)


# Varints


@given(st.integers(min_value=0, max_value=70_000))
def test_varints_are_those_of_protocol_buffers(size: int) -> None:
    message = BytesValue(value=bytes(size))
    stream = BytesIO()
    serialize_length_prefixed(message, stream)
    assert Varints(max_size=80_000).encode(message.SerializeToString()) == stream.getvalue()


@pytest.mark.parametrize(
    ("size", "prefix"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\1"), (16383, b"\xff\x7f"), (16384, b"\x80\x80\1")]
)
def test_varints_at_their_edges(size: int, prefix: bytes) -> None:
    assert Varints().encode(bytes(size)) == prefix + bytes(size)


def test_varints_have_at_most_ten_bytes() -> None:
    assert outcome(Varints().decoder(), [b"\x83" + b"\x80" * 8 + b"\0abc"]) == ([b"abc"], None)
    for chunks in ([b"\x80" * 10], single(b"\x80" * 10)):
        assert outcome(Varints().decoder(), chunks) == ([], "a varint does not end after 10 bytes")
