"""The daytime of RFC 867 as one line of text.

The RFC leaves the syntax open and shows two popular ones. Ours is always the first of them, in UTC::

    Tuesday, February 22, 1982 17:37:43-UTC
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["DAYTIME_CAP", "format_daytime", "parse_daytime"]

DAYTIME_CAP = 80
"""The most bytes that a client reads. RFC 867 asks for one line; ours has at most 44 bytes."""

# Not strftime or calendar: their names change with the locale of the process.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SYNTAX = re.compile(rb"\w+, (\w+) (\d+), (\d{4}) (\d\d):(\d\d):(\d\d)-UTC\r\n")


def format_daytime(moment: datetime) -> bytes:
    """Write a moment as the line of text that the service sends.

    :param moment: any time zone; fractions of a second are dropped.
    :returns: at most 44 bytes of ASCII, CR LF at the end.
    :raises LocalProtocolError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise LocalProtocolError(f"{moment!r} has no time zone")
    utc = moment.astimezone(UTC)
    date = f"{_WEEKDAYS[utc.weekday()]}, {_MONTHS[utc.month - 1]} {utc.day}, {utc.year:04}"
    return f"{date} {utc.hour:02}:{utc.minute:02}:{utc.second:02}-UTC\r\n".encode("ascii")


def parse_daytime(line: bytes) -> datetime:
    """Read back exactly what :func:`format_daytime` writes.

    :returns: the moment, in UTC.
    :raises RemoteProtocolError: the line is anything else.
    """
    match = _SYNTAX.fullmatch(line)
    if match is not None:
        month, day, year, hour, minute, second = match.groups()
        try:
            number = _MONTHS.index(month.decode("ascii")) + 1
            moment = datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
        except ValueError:
            pass
        else:
            # Also refuses a wrong weekday and a day with leading zeros.
            if format_daytime(moment) == line:
                return moment
    raise RemoteProtocolError(f"not a daytime: {line!r}")
