"""Fields that every response has, those that protect browsers among them."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from pydantic import field_validator

from netforge.plugin import Field
from netforge.protocols.http import Application, Exchange, Headers
from netforge.services.web.around.layer import Layer, Premises
from netforge.services.web.fields import encoded
from netforge.services.web.shorthand import Short

__all__ = ["ExtraFields", "HeaderSettings"]

#: No guesses at types, no full address to other sites, and no frame in another site's page.
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
]


class HeaderSettings(Short):
    """Fields of every response."""

    security: bool = Field(
        True,
        description="X-Content-Type-Options: nosniff, Referrer-Policy: strict-origin-when-cross-origin and "
        "X-Frame-Options: SAMEORIGIN, where the application says nothing else",
    )
    set: dict[str, str] = Field({}, description="fields by their names, in place of what the application says")
    remove: list[str] = Field([], description="names of fields that are left out, whoever says them")

    @field_validator("set")
    @classmethod
    def _can_be_said(cls, fields: dict[str, str]) -> dict[str, str]:
        encoded(fields)
        return fields


class ExtraFields:
    """Changes the fields of every response.

    :param defaults: said where nobody says the like.
    :param fields: said in any case, in place of what others say.
    :param removed: names in lower case that are never said.
    """

    def __init__(
        self,
        defaults: Sequence[tuple[bytes, bytes]] = (),
        fields: Sequence[tuple[bytes, bytes]] = (),
        removed: Sequence[bytes] = (),
    ) -> None:
        self._fields = list(fields)
        self._replaced = frozenset(removed).union(name for name, _ in fields)
        self._defaults = [field for field in defaults if field[0] not in self._replaced]

    @classmethod
    def of(cls, settings: HeaderSettings, premises: Premises) -> Layer | None:
        """The layer, where there is anything to change."""
        defaults = SECURITY if settings.security else []
        removed = [name.lower().encode() for name in settings.remove]
        if not (defaults or settings.set or removed):
            return None
        return cls(defaults, encoded(settings.set), removed).around

    def around(self, application: Application) -> Application:
        """Change what an application says."""

        def decorated(exchange: Exchange) -> Awaitable[object] | None:
            exchange.decorate(self._change, pure=True, last=True)
            return application(exchange)

        return decorated

    def _change(self, status: int, headers: Headers) -> None:
        if self._replaced:
            headers[:] = [field for field in headers if field[0].lower() not in self._replaced]
        said = {name.lower() for name, _ in headers}
        headers += [field for field in self._defaults if field[0] not in said]
        headers += self._fields
