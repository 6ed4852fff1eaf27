"""Which pages of other sites may read what is here (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from functools import partial

from pydantic import field_validator, model_validator

from netforge.plugin import Field
from netforge.protocols.http import Application, Exchange, Headers, HTTPError
from netforge.services.web.around.layer import Layer, Premises
from netforge.services.web.shorthand import Short

__all__ = ["CORS", "CORSSettings"]

EVERYBODY = "*"

#: A name or an address, and perhaps a port. No origin has anything else, and none is a pattern.
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")


class CORSSettings(Short):
    """Pages of other sites whose scripts may read what is here."""

    origins: list[str] = Field(
        description='the sites that they come from, such as https://app.example.org; ["*"] for all', min_length=1
    )
    methods: list[str] = Field(
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], description="what they may ask for", min_length=1
    )
    headers: list[str] = Field(
        ["authorization", "content-type"], description="fields that they may send beyond the harmless ones"
    )
    expose: list[str] = Field([], description="fields of answers that they may read beyond the harmless ones")
    credentials: bool = Field(False, description="whether they may come with cookies and passwords; not with *")
    max_age: int = Field(600, ge=0, description="seconds that a browser remembers what it may do")

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            scheme, found, host = origin.partition("://")
            if origin != EVERYBODY and not (found and scheme and HOST.fullmatch(host)):
                raise ValueError(f"expected scheme and host, such as https://app.example.org, found {origin!r}")
        return [origin.lower() for origin in origins]

    @model_validator(mode="after")
    def _are_chosen_with_care(self) -> CORSSettings:
        if self.credentials and EVERYBODY in self.origins:
            raise ValueError("credentials = true wants origins by their names: with * every site could act for a user")
        return self


class CORS:
    """Answers preflights, and says in responses who may read them."""

    def __init__(self, settings: CORSSettings) -> None:
        self._everybody = EVERYBODY in settings.origins
        self._origins = frozenset(origin.encode() for origin in settings.origins)
        self._credentials = [(b"access-control-allow-credentials", b"true")] if settings.credentials else []
        self._exposed = [(b"access-control-expose-headers", _list(settings.expose))] if settings.expose else []
        self._allowed = [
            (b"access-control-allow-methods", _list(settings.methods)),
            (b"access-control-allow-headers", _list(settings.headers)),
            (b"access-control-max-age", b"%d" % settings.max_age),
        ]

    @classmethod
    def of(cls, settings: CORSSettings | None, premises: Premises) -> Layer | None:
        """The layer, where it is on."""
        return None if settings is None else cls(settings).around

    def around(self, application: Application) -> Application:
        """Let the pages of others have what an application answers."""

        def shared(exchange: Exchange) -> Awaitable[object] | None:
            request = exchange.request
            origin = request.header(b"origin")
            if origin is None:
                if not self._everybody:
                    exchange.decorate(_vary, pure=True)
                return application(exchange)
            allowed = self._everybody or origin.lower() in self._origins
            if request.method == "OPTIONS" and request.header(b"access-control-request-method") is not None:
                self._answer(exchange, origin, allowed=allowed)
                return None
            if allowed:
                fields = self._fields(origin) + self._exposed
                exchange.decorate(partial(_say, fields), last=True)
            else:
                exchange.decorate(_vary, pure=True)
            return application(exchange)

        return shared

    def _answer(self, exchange: Exchange, origin: bytes, *, allowed: bool) -> None:
        """Answer a preflight."""
        if not allowed:
            raise HTTPError(403, "pages of that site may not read what is here", [(b"vary", b"origin")])
        exchange.respond(204, self._fields(origin) + self._allowed)

    def _fields(self, origin: bytes) -> Headers:
        if self._everybody:
            return [(b"access-control-allow-origin", b"*")]
        return [(b"access-control-allow-origin", origin), (b"vary", b"origin"), *self._credentials]


def _say(fields: Headers, status: int, headers: Headers) -> None:
    """Say who may read this, in place of what the application says of that: of two fields browsers believe none."""
    names = {name for name, _ in fields if name != b"vary"}
    headers[:] = [field for field in headers if field[0].lower() not in names]
    headers += fields


def _vary(status: int, headers: Headers) -> None:
    headers.append((b"vary", b"origin"))


def _list(words: list[str]) -> bytes:
    return ", ".join(words).encode("ascii")
