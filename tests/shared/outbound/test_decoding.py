"""Bodies that come compressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # it has no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from netforge.plugin import OutboundFailed, OutboundTooLarge
from netforge.shared.outbound.decoding import TooLarge, decoder_of
from tests.shared.outbound.conftest import World


def raw_deflate(data: bytes) -> bytes:
    deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflating.compress(data) + deflating.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", lambda data: zstandard.ZstdCompressor().compress(data)),
    "both": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
}
every = pytest.mark.parametrize("name", CODINGS)


def decoded(coding: str, data: bytes, cut: int = 1 << 30) -> bytes:
    decoder = decoder_of(coding)
    assert decoder is not None
    pieces = [piece for at in range(0, len(data), cut) for piece in decoder.feed(data[at : at + cut])]
    decoder.finish()
    assert max(map(len, pieces), default=0) <= 128 * 1024 * 3
    return b"".join(pieces)


@every
@given(data=st.binary(max_size=5000), times=st.integers(1, 50), cut=st.integers(1, 300))
def test_what_was_encoded_comes_out_however_it_is_cut(name: str, data: bytes, times: int, cut: int) -> None:
    coding, encode = CODINGS[name]
    assert decoded(coding, encode(data * times), cut) == data * times


@every
def test_half_a_body_is_an_error(name: str) -> None:
    coding, encode = CODINGS[name]
    encoded = encode(bytes(range(256)) * 100)
    with pytest.raises(ValueError, match="ends too early"):
        decoded(coding, encoded[: len(encoded) // 2])


@pytest.mark.parametrize("name", ["gzip", "zlib", "br", "zstd"])
def test_nonsense_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(CODINGS[name][0], b"\x1fthis is not compressed at all" * 50)


@pytest.mark.parametrize("name", ["gzip", "zlib", "br", "zstd", "both"])
def test_a_bomb_is_an_error_before_it_has_gone_off(name: str) -> None:
    coding, encode = CODINGS[name]
    encoded = encode(bytes(8 << 20))
    decoder = decoder_of(coding)
    assert decoder is not None
    out = 0
    with pytest.raises(TooLarge):
        for piece in decoder.feed(encoded):
            out += len(piece)
    assert out < 2 << 20


def test_members_of_gzip_follow_each_other() -> None:
    assert decoded("gzip", gzip.compress(b"one") + gzip.compress(b"two"), 7) == b"onetwo"


@pytest.mark.parametrize("field", ["", "identity", "compress", "gzip, unheard-of"])
def test_what_is_not_known_is_left_as_it_is(field: str) -> None:
    assert decoder_of(field) is None


def test_many_codings_are_refused() -> None:
    with pytest.raises(ValueError, match="encoded 3 times"):
        decoder_of("gzip, gzip, gzip")


def encoded_by(world: World, coding: str, data: bytes) -> None:
    world.serve(lambda exchange: exchange.respond(200, [(b"content-encoding", coding.encode())], data))


@every
def test_a_response_is_decoded(world: World, name: str) -> None:
    coding, encode = CODINGS[name]
    encoded_by(world, coding, encode(b"text" * 10_000))
    assert world.get() == (200, b"text" * 10_000)
    assert world.seen[0][2]["accept-encoding"] == "gzip, deflate, br, zstd"


def test_a_response_is_left_as_it_is_where_that_is_wanted(world: World) -> None:
    encoded_by(world, "gzip", gzip.compress(b"text"))
    assert world.get(decode=False) == (200, gzip.compress(b"text"))
    assert "accept-encoding" not in world.seen[0][2]
    assert world.get(headers={"Accept-Encoding": "gzip"}) == (200, gzip.compress(b"text"))


def test_a_bomb_and_nonsense_end_a_response(world: World) -> None:
    encoded_by(world, "gzip", gzip.compress(bytes(4 << 20)))
    with pytest.raises(OutboundTooLarge, match="expands to more than 200 times"):
        world.run(all_of(world))
    world.serve(lambda exchange: exchange.respond(200, [(b"content-encoding", b"gzip")], b"no"), port=81)
    with pytest.raises(OutboundFailed):
        world.get("http://server:81/")


async def all_of(world: World) -> int:
    reply = await world.client().request("GET", "http://server/")
    size = 0
    while piece := await reply.read():
        size += len(piece)
    return size


def test_the_largest_body_that_is_taken(world: World) -> None:
    world.serve(lambda exchange: exchange.respond(200, [], bytes(1000)))

    async def body(most: int) -> int:
        reply = await world.client().request("GET", "http://server/")
        return len(await reply.body(most))

    assert world.run(body(1000)) == 1000
    with pytest.raises(OutboundTooLarge, match="larger than 999 bytes"):
        world.run(body(999))
