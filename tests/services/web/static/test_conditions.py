"""Conditions and dates, by RFC 9110, sections 5.6.7 and 13."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.http import HTTPError, Request
from netforge.services.web.static.conditions import Validators, is_unmodified, range_holds
from netforge.services.web.static.dates import format_date, parse_date

CHANGED = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT
NOW = CHANGED + 1_000_000_000.5
STRONG, WEAK, OTHER = b'"a,b"', b'W/"a,b"', b'"c"'


@pytest.mark.parametrize(
    "text", [b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994"]
)
def test_a_date_in_any_of_its_forms(text: bytes) -> None:
    assert parse_date(text, NOW) == CHANGED


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"0",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 +0000",
        b"Sun, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 25:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT".encode(),
    ],
)
def test_what_is_no_date(text: bytes) -> None:
    assert parse_date(text, NOW) is None


def test_a_leap_second_is_a_date() -> None:
    assert parse_date(b"Sat, 31 Dec 2016 23:59:60 GMT", NOW) == 1483228799


@pytest.mark.parametrize(("digits", "year"), [(b"94", 1994), (b"25", 2025), (b"76", 2076), (b"77", 1977)])
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(digits: bytes, year: int) -> None:
    now = 1_792_000_000.0  # in 2026
    found = parse_date(b"Friday, 01-Jan-" + digits + b" 00:00:00 GMT", now)
    assert found is not None
    assert format_date(found).split()[3] == b"%d" % year


@given(st.integers(0, 4_000_000_000))
def test_a_date_that_is_written_is_read(seconds: int) -> None:
    assert parse_date(format_date(seconds), NOW) == seconds


def asking(**fields: bytes) -> Request:
    return Request("GET", "/", "", [(name.replace("_", "-").encode(), value) for name, value in fields.items()], "1.1")


def status(etag: bytes, **fields: bytes) -> int:
    try:
        return 304 if is_unmodified(asking(**fields), Validators(etag, CHANGED), NOW) else 200
    except HTTPError as error:
        return error.status


@pytest.mark.parametrize(
    ("etag", "tags", "expected"),
    [
        (STRONG, b"*", 200),
        (STRONG, STRONG, 200),
        (STRONG, OTHER + b" , " + STRONG, 200),
        (STRONG, OTHER, 412),
        (STRONG, WEAK, 412),
        (WEAK, WEAK, 412),
        (WEAK, STRONG, 412),
        (STRONG, b"a,b", 412),
    ],
)
def test_if_match_compares_strongly(etag: bytes, tags: bytes, expected: int) -> None:
    assert status(etag, if_match=tags) == expected


@pytest.mark.parametrize(
    ("etag", "tags", "expected"),
    [
        (STRONG, b"*", 304),
        (STRONG, STRONG, 304),
        (STRONG, WEAK, 304),
        (WEAK, STRONG, 304),
        (WEAK, OTHER + b"," + WEAK, 304),
        (STRONG, OTHER, 200),
        (STRONG, b"a,b", 200),
        (STRONG, b"", 200),
    ],
)
def test_if_none_match_compares_weakly(etag: bytes, tags: bytes, expected: int) -> None:
    assert status(etag, if_none_match=tags) == expected


@pytest.mark.parametrize(("later", "modified", "unmodified"), [(-1, 200, 412), (0, 304, 200), (1, 304, 200)])
def test_dates_of_change(later: int, modified: int, unmodified: int) -> None:
    date = format_date(CHANGED + later)
    assert status(STRONG, if_modified_since=date) == modified
    assert status(STRONG, if_unmodified_since=date) == unmodified


def test_what_is_no_date_is_no_condition() -> None:
    assert status(STRONG, if_modified_since=b"tomorrow", if_unmodified_since=b"yesterday") == 200


CONDITION = st.sampled_from([None, True, False])


@given(CONDITION, CONDITION, CONDITION, CONDITION)
def test_the_order_of_conditions(
    match: bool | None, unmodified: bool | None, none_match: bool | None, modified: bool | None
) -> None:
    """Each is not there, true or false."""
    fields = {}
    if match is not None:
        fields["if_match"] = STRONG if match else OTHER
    if unmodified is not None:
        fields["if_unmodified_since"] = format_date(CHANGED if unmodified else CHANGED - 1)
    if none_match is not None:
        fields["if_none_match"] = OTHER if none_match else STRONG
    if modified is not None:
        fields["if_modified_since"] = format_date(CHANGED - 1 if modified else CHANGED)
    # Section 13.2.2, step by step.
    if match is False or (match is None and unmodified is False):
        expected = 412
    elif none_match is False or (none_match is None and modified is False):
        expected = 304
    else:
        expected = 200
    assert status(STRONG, **fields) == expected


@pytest.mark.parametrize(
    ("etag", "condition", "holds"),
    [
        (STRONG, STRONG, True),
        (STRONG, WEAK, False),
        (WEAK, WEAK, False),
        (STRONG, OTHER, False),
        (STRONG, STRONG + b"," + OTHER, False),
        (STRONG, b"*", False),
        (STRONG, format_date(CHANGED), True),
        (STRONG, format_date(CHANGED + 1), False),
        (STRONG, format_date(CHANGED - 1), False),
        (STRONG, b"", False),
    ],
)
def test_if_range_holds_for_exactly_this_version(etag: bytes, condition: bytes, holds: bool) -> None:
    assert range_holds(asking(if_range=condition), Validators(etag, CHANGED), NOW) is holds


def test_a_date_holds_only_once_its_second_is_over() -> None:
    asked, validators = asking(if_range=format_date(CHANGED)), Validators(STRONG, CHANGED)
    assert not range_holds(asked, validators, CHANGED + 0.9)
    assert range_holds(asked, validators, CHANGED + 1.0)


def test_without_a_condition_a_range_counts() -> None:
    assert range_holds(asking(), Validators(STRONG, CHANGED), NOW)
