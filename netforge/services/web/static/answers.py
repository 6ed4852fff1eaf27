"""What is answered to a GET or HEAD for something that is there (RFC 9110, sections 13, 14 and 15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from random import Random

from netforge.protocols.http import Headers, HTTPError, Request
from netforge.services.web.static.conditions import is_unmodified, range_holds
from netforge.services.web.static.files import Variant
from netforge.services.web.static.ranges import Span, multipart, spans_of

__all__ = ["Answer", "answer_to"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    :param status: 200, 206 or 304.
    :param fields: of its head.
    :param pieces: what the body is made of: bytes, and spans of the variant.
    """

    status: int
    fields: Headers
    pieces: Sequence[bytes | Span]

    @property
    def size(self) -> int:
        """Of the body, in bytes."""
        return sum(len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in self.pieces)


def answer_to(request: Request, variant: Variant, now: float, random: Random) -> Answer:
    """What is answered to a request.

    :param variant: what it comes to, without conditions and ranges.
    :param now: the time.
    :param random: makes what parts are told apart by.
    :raises HTTPError: with status 412 for a precondition that does not hold, 416 for ranges that are not there.
    """
    asked = {name for name, _ in request.headers}
    if not _CONDITIONS.isdisjoint(asked) and is_unmodified(request, variant.validators, now):
        return Answer(HTTPStatus.NOT_MODIFIED, _without_content(variant.fields), ())
    spans = None
    if b"range" in asked and request.method == "GET" and variant.has_ranges:
        spans = _spans(request, variant, now)
    if spans is None:
        return Answer(HTTPStatus.OK, variant.fields, [(0, variant.size)])
    if not spans:
        raise HTTPError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"it has {variant.size} bytes",
            [(b"content-range", b"bytes */%d" % variant.size)],
        )
    if len(spans) == 1:
        [(start, stop)] = spans
        place = b"bytes %d-%d/%d" % (start, stop - 1, variant.size)
        return Answer(HTTPStatus.PARTIAL_CONTENT, [*variant.fields, (b"content-range", place)], spans)
    boundary = b"%032x" % random.getrandbits(128)
    heads, end = multipart(spans, variant.size, variant.kind, boundary)
    fields = [(name, value) for name, value in variant.fields if name != b"content-type"]
    fields.append((b"content-type", b"multipart/byteranges; boundary=" + boundary))
    pieces = [piece for pair in zip(heads, spans, strict=True) for piece in pair]
    return Answer(HTTPStatus.PARTIAL_CONTENT, fields, [*pieces, end])


_CONDITIONS = frozenset((b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"))


def _spans(request: Request, variant: Variant, now: float) -> list[Span] | None:
    value = request.header(b"range")
    if value is None or not range_holds(request, variant.validators, now):
        return None
    return spans_of(value, variant.size)


def _without_content(fields: Headers) -> Headers:
    """What is said with 304 (RFC 9110, section 15.4.5)."""
    return [field for field in fields if field[0] not in (b"content-type", b"content-encoding", b"accept-ranges")]
