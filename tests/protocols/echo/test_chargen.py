from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.echo import CharacterGenerator

# The first lines that RFC 864 prints.
RFC_LINES = rb"""
 !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefg
!"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefgh
"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghi
#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghij
""".strip(b"\n").replace(b"\n", b"\r\n")


def naive(size: int) -> bytes:
    """The pattern character by character."""

    def characters() -> Iterator[int]:
        for line in count():
            yield from (0x20 + (line + column) % 95 for column in range(72))
            yield from b"\r\n"

    return bytes(islice(characters(), size))


def test_begins_as_rfc_864_shows() -> None:
    assert CharacterGenerator().read(len(RFC_LINES)) == RFC_LINES


@given(st.lists(st.integers(min_value=0, max_value=20_000), max_size=6))
def test_any_sizes_give_the_pattern(sizes: list[int]) -> None:
    generator = CharacterGenerator()
    pieces = [generator.read(size) for size in sizes]
    assert [len(piece) for piece in pieces] == sizes
    assert b"".join(pieces) == naive(sum(sizes))


def test_goes_round_the_ring_in_blocks_of_16_kib() -> None:
    generator = CharacterGenerator()
    assert b"".join(generator.read(16 * 1024) for _ in range(40)) == naive(40 * 16 * 1024)
