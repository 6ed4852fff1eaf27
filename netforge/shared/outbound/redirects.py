"""Where a redirect leads, and with what (RFC 9110, section 15.4)."""

from __future__ import annotations

from dataclasses import replace

from netforge.plugin import OutboundFailed
from netforge.shared.outbound.asked import Ask
from netforge.shared.outbound.urls import joined

__all__ = ["redirected"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})

#: What is for one server's eyes.
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


def redirected(ask: Ask, status: int, location: str) -> Ask | None:
    """What to ask next; ``None`` if the response is no redirect, or one that cannot be followed: without a Location, or
    with a body that cannot be sent again.

    :raises OutboundFailed: if it leads to no URL of HTTP.
    """
    if status not in REDIRECTS or not location:
        return None
    to_get = status == 303 or (status in (301, 302) and ask.method == "POST")
    if to_get and ask.method not in ("GET", "HEAD"):
        ask = replace(ask, method="GET", body=None, headers=ask.without({"content-type", "content-length"}))
    if ask.body is not None and not ask.body.repeatable:
        return None
    try:
        target = joined(ask.target, location)
    except ValueError as error:
        raise OutboundFailed(f"{ask.target.url} redirects to where nothing can be: {error}", "response") from None
    headers = ask.headers if target.origin == ask.target.origin else ask.without(CREDENTIALS)
    if target.auth is None and target.origin == ask.target.origin:
        target = replace(target, auth=ask.target.auth)
    return replace(ask, target=target, headers=headers)
