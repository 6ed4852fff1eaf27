"""Requests that another site makes in its visitor's name (cross-site request forgery) are refused.

Every browser of today says where a request comes from, in Sec-Fetch-Site or at least in Origin; what says neither is no
browser, and nobody's cookies are with it. So no token has to be kept and sent along.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from netforge.protocols.http import Exchange, HTTPError

__all__ = ["SAFE", "check_origin"]

#: Methods that change nothing (RFC 9110, section 9.2.1), which anybody may use.
SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


def check_origin(exchange: Exchange, trusted: Collection[str]) -> None:
    """Look whether a request comes from where it may.

    :param trusted: origins besides its own, such as ``https://app.example.org``.
    :raises HTTPError: with status 403, if it does not.
    """
    request = exchange.request
    if request.method in SAFE:
        return
    origin = (request.header(b"origin") or b"").decode("latin-1")
    if origin in trusted:
        return
    site = request.header(b"sec-fetch-site")
    if site is not None:
        own = site in (b"same-origin", b"none")
    else:
        own = not origin or urlsplit(origin).netloc.lower() == request.authority.lower()
    if not own:
        raise HTTPError(403, f"{origin or 'another site'} may not do this here")
