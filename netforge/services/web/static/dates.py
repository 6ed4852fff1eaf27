"""HTTP-date (RFC 9110, section 5.6.7)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate

__all__ = ["format_date", "parse_date"]

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = rb"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTH = rb"(?P<month>" + b"|".join(_MONTHS) + rb")"
_TIME = rb"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_FORMS = [
    re.compile(form)
    for form in (
        _DAY + rb", (?P<day>\d\d) " + _MONTH + rb" (?P<year>\d{4}) " + _TIME + rb" GMT",
        # Which nobody may send any more, and everybody must understand: RFC 850, asctime().
        _LONG_DAY + rb", (?P<day>\d\d)-" + _MONTH + rb"-(?P<year>\d\d) " + _TIME + rb" GMT",
        _DAY + rb" " + _MONTH + rb" (?P<day>[ \d]\d) " + _TIME + rb" (?P<year>\d{4})",
    )
]


def format_date(seconds: int) -> bytes:
    """A date, from seconds of Unix time."""
    return formatdate(seconds, usegmt=True).encode("ascii")


def parse_date(value: bytes, now: float) -> int | None:
    """Seconds of Unix time; ``None`` for what is no date.

    :param now: the time, by which a year of two digits is understood.
    """
    for form in _FORMS:
        if found := form.fullmatch(value):
            break
    else:
        return None
    year, month = int(found["year"]), _MONTHS.index(found["month"]) + 1
    if len(found["year"]) == 2:
        this = datetime.fromtimestamp(now, UTC).year
        year += this - this % 100
        if year > this + 50:
            year -= 100
    # A leap second is the one before, for Unix.
    second = min(int(found["second"]), 59) if found["second"] == b"60" else int(found["second"])
    try:
        date = datetime(year, month, int(found["day"]), int(found["hour"]), int(found["minute"]), second, tzinfo=UTC)
    except ValueError:
        return None
    return int(date.timestamp())
