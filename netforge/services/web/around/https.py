"""HTTPS for everybody: redirects from plain HTTP, and Strict-Transport-Security (RFC 6797)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal

from pydantic import model_validator

from netforge.plugin import Connection, Field
from netforge.protocols.http import Application, Exchange, Headers, HTTPError
from netforge.services.web.around.layer import Layer, Premises
from netforge.services.web.hosts import without_port
from netforge.services.web.shorthand import Short

__all__ = ["HSTSSettings", "redirect_to_https", "strict_transport"]

YEAR = 365 * 24 * 3600


class HSTSSettings(Short):
    """How long browsers come by HTTPS alone."""

    seconds: int = Field(YEAR, ge=0, description="how long they remember it; 0 makes them forget it")
    subdomains: bool = Field(False, description="whether it holds for every host below this one too")
    preload: bool = Field(
        False, description="whether browsers may ship with it: then it can hardly be undone; with subdomains and a year"
    )

    @model_validator(mode="after")
    def _can_be_preloaded(self) -> HSTSSettings:
        if self.preload and (not self.subdomains or self.seconds < YEAR):
            raise ValueError(f"preload = true wants subdomains = true, and seconds of at least {YEAR}")
        return self


def redirect_to_https(how: Literal["redirect", False], premises: Premises) -> Layer | None:
    """The layer that sends who comes in the clear to the same place over TLS."""
    if not how:
        return None
    port = "" if premises.https_port == 443 else f":{premises.https_port}"

    def around(application: Application) -> Application:
        def redirected(exchange: Exchange) -> Awaitable[object] | None:
            if Connection.of(exchange.transport).tls is not None:
                return application(exchange)
            request = exchange.request
            host = without_port(request.authority)
            if not host or not request.target.startswith("/"):
                raise HTTPError(403, "this site speaks HTTPS only")
            location = f"https://{host}{port}{request.target}"
            exchange.respond(308, [(b"location", location.encode("ascii"))])
            return None

        return redirected

    return around


def strict_transport(settings: HSTSSettings | None, premises: Premises) -> Layer | None:
    """The layer that says Strict-Transport-Security, which counts over TLS alone (RFC 6797, section 7.2)."""
    if settings is None:
        return None
    words = [f"max-age={settings.seconds}"]
    words += ["includeSubDomains"] * settings.subdomains + ["preload"] * settings.preload
    field = b"strict-transport-security", "; ".join(words).encode()

    def say(status: int, headers: Headers) -> None:
        headers[:] = [said for said in headers if said[0].lower() != field[0]]
        headers.append(field)

    def around(application: Application) -> Application:
        def strict(exchange: Exchange) -> Awaitable[object] | None:
            if Connection.of(exchange.transport).tls is not None:
                exchange.decorate(say, pure=True, last=True)
            return application(exchange)

        return strict

    return around
