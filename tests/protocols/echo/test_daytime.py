from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.echo import DAYTIME_CAP, format_daytime, parse_daytime
from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError

ZONES = st.integers(min_value=-23 * 60, max_value=23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)

LINE = b"Tuesday, February 2, 1982 17:07:03-UTC\r\n"


def test_known() -> None:
    moment = datetime(1982, 2, 2, 17, 7, 3, 999_999, UTC)
    assert format_daytime(moment) == LINE
    assert parse_daytime(LINE) == moment.replace(microsecond=0)


@given(MOMENTS)
def test_round_trip(moment: datetime) -> None:
    line = format_daytime(moment)
    assert len(line) <= 44 <= DAYTIME_CAP
    parsed = parse_daytime(line)
    assert parsed == moment.replace(microsecond=0)
    assert parsed.tzinfo is UTC


@given(MOMENTS)
def test_names_are_the_c_locales(moment: datetime) -> None:
    utc = moment.astimezone(UTC)
    assert format_daytime(moment).decode().startswith(f"{utc:%A, %B} {utc.day}, ")


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="time zone"):
        format_daytime(datetime(1982, 2, 2))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        LINE.rstrip(),
        LINE.replace(b"\r\n", b"\n"),
        b" " + LINE,
        LINE + LINE,
        LINE.replace(b"Tuesday", b"Monday"),
        LINE.replace(b"UTC", b"PST"),
        LINE.replace(b" 2,", b" 02,"),
        LINE.replace(b" 2,", b" 31,"),
        LINE.replace(b"17:", b"24:"),
        LINE.replace(b"February", b"Februar"),
        LINE.replace(b"1982", b"0000"),
        LINE.replace(b"2", b"\xb2"),
        b"02 FEB 82 07:59:01 PST\r\n",
    ],
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="not a daytime"):
        parse_daytime(line)


@given(st.binary(max_size=DAYTIME_CAP))
def test_no_bytes_break_the_parser(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_daytime(line)
