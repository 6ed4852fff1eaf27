"""Conversations as clients should not have them: what Hypothesis draws from."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["cuts", "mutated"]

#: What parsers trip over: ends of lines, zeros, numbers out of range, broken UTF-8, quotes and brackets without a mate.
NASTY = [
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"%", b"\\", b'"', b"'", b"(", b")", b"[", b"{"),
    *(b"<", b"0", b"-1", b"99999999999999999999", b"1e999", b"\x80", b"\xff", b"\xff" * 4, b"\xc3(", b"\xed\xa0\x80"),
]


def cuts(data: bytes) -> SearchStrategy[list[int]]:
    """Places at which to cut data."""
    return st.lists(st.integers(1, max(1, len(data) - 1)), max_size=8, unique=True).map(sorted)


@st.composite
def mutated(draw: DrawFn, data: bytes) -> bytes:
    """Data with up to three accidents: to its words and the signs between them, or to its bits."""
    for _ in range(draw(st.integers(0, 3))):
        # In this order, Hypothesis tells of the simplest accident that does it.
        data = draw(st.sampled_from([_cut_short, _inserted, _left_out, _repeated, _exchanged, _flipped]))(draw, data)
    return data


def _cut_short(draw: DrawFn, data: bytes) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


def _inserted(draw: DrawFn, data: bytes) -> bytes:
    place = draw(st.integers(0, len(data)))
    return data[:place] + draw(st.sampled_from(NASTY) | st.binary(min_size=1, max_size=8)) + data[place:]


def _flipped(draw: DrawFn, data: bytes) -> bytes:
    if not data:
        return data
    place, bit = draw(st.integers(0, len(data) - 1)), draw(st.integers(0, 7))
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def _with_words(change: Callable[[DrawFn, list[bytes], int], None]) -> Callable[[DrawFn, bytes], bytes]:
    def changed(draw: DrawFn, data: bytes) -> bytes:
        words = re.findall(rb"\w+|\W", data)
        if words:
            change(draw, words, draw(st.integers(0, len(words) - 1)))
        return b"".join(words)

    return changed


@_with_words
def _left_out(draw: DrawFn, words: list[bytes], place: int) -> None:
    del words[place]


@_with_words
def _repeated(draw: DrawFn, words: list[bytes], place: int) -> None:
    words[place] *= draw(st.integers(2, 100))


@_with_words
def _exchanged(draw: DrawFn, words: list[bytes], place: int) -> None:
    other = draw(st.integers(0, len(words) - 1))
    words[place], words[other] = words[other], words[place]
