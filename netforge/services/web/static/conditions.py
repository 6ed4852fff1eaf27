"""Conditional requests (RFC 9110, section 13)."""

from __future__ import annotations

import re
from http import HTTPStatus

from netforge.protocols.http import HTTPError, Request
from netforge.services.web.static.dates import parse_date

__all__ = ["Validators", "is_unmodified", "range_holds"]

from dataclasses import dataclass

#: An entity tag (RFC 9110, section 8.8.3).
_TAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


@dataclass(frozen=True, slots=True)
class Validators:
    """What a representation is recognized by.

    :param etag: its entity tag.
    :param modified: when it was last changed, in seconds of Unix time.
    """

    etag: bytes
    modified: int


def is_unmodified(request: Request, validators: Validators, now: float) -> bool:
    """Whether the answer to a GET or HEAD is 304, in the order of section 13.2.2.

    :param validators: of what would be sent.
    :param now: the time.
    :raises HTTPError: with status 412, if a precondition does not hold.
    """
    if (tags := request.header(b"if-match")) is not None:
        if not _names(tags, validators.etag, weakly=False):
            raise HTTPError(HTTPStatus.PRECONDITION_FAILED, "it is not what If-Match names")
    elif (since := _date(request, b"if-unmodified-since", now)) is not None and validators.modified > since:
        raise HTTPError(HTTPStatus.PRECONDITION_FAILED, "it has changed since")
    if (tags := request.header(b"if-none-match")) is not None:
        return _names(tags, validators.etag, weakly=True)
    since = _date(request, b"if-modified-since", now)
    return since is not None and validators.modified <= since


def range_holds(request: Request, validators: Validators, now: float) -> bool:
    """Whether the condition holds, if there is one, under which Range counts (section 13.1.5)."""
    condition = request.header(b"if-range")
    if condition is None:
        return True
    if _TAG.fullmatch(condition):
        return condition == validators.etag and not condition.startswith(b"W/")
    # A date tells one version from another only once its second is over (section 8.8.2.2).
    return parse_date(condition, now) == validators.modified < int(now)


def _names(tags: bytes, etag: bytes, *, weakly: bool) -> bool:
    """Whether a list of entity tags, or ``*``, has one that is equal (section 8.8.3.2)."""
    if tags == b"*":
        return True
    listed = _TAG.findall(tags)
    if weakly:
        return etag.removeprefix(b"W/") in {tag.removeprefix(b"W/") for tag in listed}
    return not etag.startswith(b"W/") and etag in listed


def _date(request: Request, name: bytes, now: float) -> int | None:
    value = request.header(name)
    return None if value is None else parse_date(value, now)
