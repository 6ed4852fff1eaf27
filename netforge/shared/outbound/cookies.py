"""Cookies that a session keeps (RFC 6265)."""

from __future__ import annotations

from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any

__all__ = ["jar"]

#: What RFC 6265, section 6.1, wants a client to keep at least; more is not kept: bytes of a cookie, and how many
#: a domain has and there are altogether.
LARGEST, MOST_A_DOMAIN, MOST = 4096, 50, 3000


class _Policy(DefaultCookiePolicy):
    """Refuses what is for a whole registry such as ``co.uk``, as far as that can be told, and what is too much."""

    def __init__(self) -> None:
        super().__init__(strict_domain=True)
        self.jar: CookieJar = CookieJar(self)

    def set_ok(self, cookie: Cookie, request: Any) -> bool:
        if len(cookie.name) + len(cookie.value or "") > LARGEST or not super().set_ok(cookie, request):
            return False
        domains = [one.domain for one in self.jar]
        return len(domains) < MOST and domains.count(cookie.domain) < MOST_A_DOMAIN


def jar() -> CookieJar:
    """Where a session keeps its cookies."""
    return _Policy().jar
