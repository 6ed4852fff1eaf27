from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.echo import TIME_SIZE, decode_time, encode_time
from netforge.protocols.errors import RemoteProtocolError

WRAP = 2_085_978_496  # 2036-02-07 06:28:16 UTC
HALF_ERA = 2**31


@pytest.mark.parametrize(
    ("number", "unix"),
    [(2_208_988_800, 0), (2_398_291_200, 189_302_400), (2_524_521_600, 315_532_800), (2_629_584_000, 420_595_200)],
)
def test_the_examples_of_rfc_868(number: int, unix: int) -> None:
    data = number.to_bytes(4, "big")
    assert encode_time(unix) == data
    assert decode_time(data, unix) == unix


def test_fractions_are_dropped_before_1970_too() -> None:
    assert encode_time(0.999) == encode_time(0)
    assert encode_time(-0.5) == encode_time(-1)


def test_the_wrap_of_2036() -> None:
    assert encode_time(WRAP - 1) == b"\xff\xff\xff\xff"
    assert encode_time(WRAP) == b"\0\0\0\0"
    assert decode_time(b"\0\0\0\0", near=WRAP - 10) == WRAP
    assert decode_time(b"\xff\xff\xff\xff", near=WRAP + 10) == WRAP - 1


@given(
    st.integers(min_value=-(2**36), max_value=2**36),
    st.integers(min_value=1 - HALF_ERA, max_value=HALF_ERA - 1),
)
def test_round_trip_from_anywhere_within_68_years(unix: int, off: int) -> None:
    data = encode_time(unix)
    assert len(data) == TIME_SIZE
    assert decode_time(data, near=unix + off) == unix


@given(st.binary(max_size=16).filter(lambda data: len(data) != TIME_SIZE))
def test_another_size_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="4 bytes"):
        decode_time(data, 0)
