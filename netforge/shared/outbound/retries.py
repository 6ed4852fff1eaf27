"""When a request is made again."""

from __future__ import annotations

from random import Random

from twisted.web.http import stringToDatetime

__all__ = ["IDEMPOTENT", "LONGEST_WAIT", "PASSING", "retry_after", "wait_before"]

#: Methods of which two mean the same as one (RFC 9110, section 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

#: What a server says that may pass: 429 Too Many Requests (RFC 6585), 502, 503 and 504.
PASSING = frozenset({429, 502, 503, 504})

#: Seconds to wait at first, and at most; doubled each time in between.
FIRST_WAIT, LAST_WAIT = 0.5, 30.0

#: The longest wait, in seconds, that a server may ask for. One that asks for more has its answer taken as it is.
LONGEST_WAIT = 60.0


def wait_before(number: int, random: Random) -> float:
    """Seconds to wait before the repetition of that number, from 0.

    Chance spreads it over the upper half, so that clients which failed together do not come back together.
    """
    return min(LAST_WAIT, FIRST_WAIT * 2.0**number) * random.uniform(0.5, 1)


def retry_after(field: str, now: float) -> float:
    """Seconds that a Retry-After field asks to wait (RFC 9110, section 10.2.3); 0 if it says nothing that can be read.

    :param now: Unix time, for a field that holds a date.
    """
    text = field.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        return max(0.0, float(stringToDatetime(text.encode("ascii"))) - now)
    except (ValueError, IndexError, KeyError):
        return 0.0
