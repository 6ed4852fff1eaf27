"""Ranges of bytes (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["MOST_RANGES", "Span", "multipart", "spans_of"]

#: From, inclusive, and to, exclusive.
Span = tuple[int, int]

#: The most ranges of one request. Of more the answer is the whole.
MOST_RANGES = 16

_SPEC = re.compile(rb"([0-9]*)-([0-9]*)")
#: Beyond every size.
_HUGE = 1 << 63


def spans_of(value: bytes, size: int) -> list[Span] | None:
    """What is asked for. Those that overlap or touch are joined; the order is that of the request.

    :param value: of Range.
    :param size: of the representation, in bytes.
    :return: none at all, if nothing that is asked for is there (status 416); ``None`` if the field is to be ignored.
    """
    unit, equals, listed = value.partition(b"=")
    specs = [spec for spec in (part.strip(b" \t") for part in listed.split(b",")) if spec]
    if unit.lower() != b"bytes" or not equals or not 1 <= len(specs) <= MOST_RANGES:
        return None
    spans: list[Span] = []
    for spec in specs:
        found = _SPEC.fullmatch(spec)
        if found is None or spec == b"-":
            return None
        first, last = _number(found[1]), _number(found[2])
        if first is None:
            assert last is not None
            if size == 0 < last:
                # It can be satisfied, but no Content-Range could say how.
                return None
            span = max(size - last, 0), size
        elif last is None:
            span = first, size
        elif last < first:
            return None
        else:
            span = first, min(last + 1, size)
        if span[0] < span[1]:
            _join(spans, span)
    return spans


def multipart(spans: Sequence[Span], size: int, kind: bytes, boundary: bytes) -> tuple[list[bytes], bytes]:
    """What stands before each part of several, and what after the last one (section 14.6).

    :param kind: the Content-Type of what they are parts of.
    """
    form = b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"
    heads = [form % (boundary, kind, start, stop - 1, size) for start, stop in spans]
    return heads, b"\r\n--%b--\r\n" % boundary


def _number(digits: bytes) -> int | None:
    """A number, as large as one can be that means anything."""
    if not digits:
        return None
    significant = digits.lstrip(b"0")
    return int(significant or b"0") if len(significant) < 19 else _HUGE


def _join(spans: list[Span], span: Span) -> None:
    """Add a span, in the place of the first of those that it overlaps or touches."""
    start, stop = span
    place = len(spans)
    for index in range(len(spans) - 1, -1, -1):
        if spans[index][0] <= stop and start <= spans[index][1]:
            start, stop = min(start, spans[index][0]), max(stop, spans[index][1])
            del spans[index]
            place = index
    spans.insert(place, (start, stop))
