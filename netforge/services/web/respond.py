"""The same answer for everybody."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import field_validator

from netforge.plugin import Context, Field
from netforge.protocols.http import Exchange
from netforge.services.web.fields import encoded
from netforge.services.web.hosted import Hosted
from netforge.services.web.shorthand import Short

__all__ = ["Respond", "RespondSettings", "host_respond"]


class RespondSettings(Short):
    """An answer."""

    text: str = Field("", description="the body")
    status: int = Field(200, ge=200, le=599, description="the status")
    type: str = Field("text/plain; charset=utf-8", description="the type of the body (Content-Type)")
    fields: dict[str, str] = Field({}, description="more fields of the answer, by their names")

    @field_validator("fields")
    @classmethod
    def _can_be_said(cls, fields: dict[str, str]) -> dict[str, str]:
        encoded(fields)
        return fields


class Respond:
    """An application that always says the same.

    :param status: 200 to 599.
    :param fields: those of the response.
    :param body: its body.
    """

    def __init__(self, status: int, fields: Iterable[tuple[bytes, bytes]] = (), body: bytes = b"") -> None:
        self._status = status
        self._fields = tuple(fields)
        self._body = body

    def __call__(self, exchange: Exchange) -> None:
        exchange.respond(self._status, self._fields, self._body)


def host_respond(settings: RespondSettings, context: Context) -> Hosted:
    """Make one of settings."""
    body = settings.text.encode()
    fields = [(b"content-type", settings.type.encode())] if body else []
    return Hosted(Respond(settings.status, fields + encoded(settings.fields), body))
