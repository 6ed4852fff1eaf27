"""Requests that another site makes in its visitor's name (cross-site request forgery) are refused.

Every browser of today says where a request comes from, in Sec-Fetch-Site or at least in Origin; what says neither is no
browser, and nobody's cookies are with it. So no token has to be kept and sent along.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from netforge.protocols.http import Exchange, HTTPError

__all__ = ["SAFE", "check_origin", "checked_origins"]

#: Methods that change nothing (RFC 9110, section 9.2.1), which anybody may use.
SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]+")
_PORTS = {"http": ":80", "https": ":443"}


def checked_origins(origins: Iterable[str]) -> frozenset[str]:
    """Origins as browsers say them.

    :raises ValueError: if one is none, such as a URL with a path, which no browser would ever say.
    """
    found = frozenset(origin.lower() for origin in origins)
    for origin in found:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: it is written https://app.example.org, without a path")
    return found


def check_origin(exchange: Exchange, trusted: Collection[str]) -> None:
    """Look whether a request comes from where it may.

    The scheme of its own origin does not count: behind a proxy that does TLS it cannot be known.

    :param trusted: origins besides its own.
    :raises HTTPError: with status 403, if it does not.
    """
    request = exchange.request
    if request.method in SAFE:
        return
    origin = (request.header(b"origin") or b"").decode("latin-1").lower()
    if origin in trusted:
        return
    site = request.header(b"sec-fetch-site")
    if site is not None:
        own = site in (b"same-origin", b"none")
    else:
        scheme, _, host = origin.partition("://")
        port = _PORTS.get(scheme, "")
        own = not origin or (bool(host) and host.removesuffix(port) == request.authority.lower().removesuffix(port))
    if not own:
        raise HTTPError(403, f"{origin or 'another site'} may not do this here")
