from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.reactor.records import Records

HELLO = b"\x16\x03\x01\x00\x04helo"
ONE = b"\x17\x03\x03\x00\x03abc"


def singles(*pieces: bytes) -> list[bool]:
    records = Records()
    return [records.is_single(piece) for piece in pieces]


def test_a_record_of_data_is_single_and_nothing_else_is() -> None:
    assert singles(HELLO, ONE, ONE + ONE, ONE, ONE[:-1]) == [False, True, False, True, False]


@pytest.mark.parametrize("at", range(1, len(ONE)))
def test_after_a_record_in_two_parts_the_next_is_single(at: int) -> None:
    assert singles(ONE[:at], ONE[at:], ONE) == [False, False, True]


def test_a_record_between_parts_of_another_is_none() -> None:
    # It is what the outer one contains.
    assert singles(b"\x17\x03\x03\x00\x10", ONE, ONE, ONE) == [False, False, False, True]


def test_after_a_hello_of_ssl_2_nothing_is_single() -> None:
    assert singles(b"\x80\x2e\x01\x03\x01", ONE, ONE) == [False, False, False]


@given(
    st.lists(st.binary(max_size=600), min_size=1, max_size=8),
    st.lists(st.integers(min_value=1, max_value=900), min_size=1, max_size=30),
)
def test_pieces_of_any_size_are_followed(bodies: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(b"\x17\x03\x03" + len(body).to_bytes(2, "big") + body for body in bodies)
    records = Records()
    for size in sizes:
        records.is_single(stream[:size])
        stream = stream[size:]
    records.is_single(stream)
    assert records.is_single(ONE)
