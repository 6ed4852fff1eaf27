"""Redirects: what is here is somewhere else."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator, model_validator

from netforge.plugin import Context, Field
from netforge.protocols.http import Exchange, path_of, raw_target
from netforge.services.web.hosted import Hosted
from netforge.services.web.shorthand import Short

__all__ = ["Redirect", "RedirectSettings", "host_redirect"]

#: A URL or a path, as it can stand in a field.
LOCATION = re.compile(r"(?:https?://[^/\\\s]|/(?![/\\]))[!-~]*")


class RedirectSettings(Short):
    """A redirect."""

    to: str = Field(description="where to: a URL such as https://example.org/new, or a path such as /new")
    status: Literal[301, 302, 303, 307, 308] = Field(
        308,
        description="301 or 308 for good, 302 or 307 for now; with 307 and 308 the method stays; 303 for a page to GET",
    )
    rest: bool = Field(False, description="whether the rest of the path, below this place, and the query are added")

    @field_validator("to")
    @classmethod
    def _can_be_said(cls, to: str) -> str:
        if not LOCATION.fullmatch(to):
            raise ValueError("expected a URL such as https://example.org/new, or a path such as /new, in ASCII")
        return to

    @model_validator(mode="after")
    def _has_room_for_the_rest(self) -> RedirectSettings:
        if self.rest and ("?" in self.to or "#" in self.to):
            raise ValueError("rest = true adds to the path: the address can have no ? and no #")
        return self


class Redirect:
    """An application that sends everybody elsewhere.

    :param to: a URL or a path.
    :param status: 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).
    :param rest: add what follows the place where this is mounted, and the query.
    """

    def __init__(self, to: str, status: int = 308, *, rest: bool = False) -> None:
        self._to = to
        self._status = status
        self._rest = rest

    def __call__(self, exchange: Exchange) -> None:
        to = self._with_rest(exchange) if self._rest else self._to
        exchange.respond(self._status, [(b"location", to.encode("ascii"))])

    def _with_rest(self, exchange: Exchange) -> str:
        target = exchange.request.target
        path_of(target)
        path, query = raw_target(target)
        # A path has as many segments in whatever spelling. What follows must not begin with anything that a browser
        # takes for the beginning of a host.
        depth = exchange.mount.count("/")
        to = self._to
        if path.count("/") > depth:
            rest = path.split("/", depth + 1)[-1].lstrip("/\\")
            to = f"{to.rstrip('/')}/{rest}"
        return f"{to}?{query}" if query else to


def host_redirect(settings: RedirectSettings, context: Context) -> Hosted:
    """Make one of settings."""
    return Hosted(Redirect(settings.to, settings.status, rest=settings.rest))
