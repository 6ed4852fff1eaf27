"""The pages of another service of this process."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

from netforge.plugin import Context, Field, IPages
from netforge.protocols.http import Exchange, HTTPError
from netforge.services.web.hosted import Hosted
from netforge.services.web.shorthand import Short

__all__ = ["Published", "PublishedSettings", "host_published"]


class PublishedSettings(Short):
    """The pages of another service."""

    name: str = Field(description="what the settings call the service", min_length=1)

    @property
    def needs(self) -> Sequence[Any]:
        """The interfaces of what it uses."""
        return [IPages]


class Published:
    """An application that is whatever is published under a name.

    :param pages: where it is published.
    """

    def __init__(self, pages: IPages, name: str) -> None:
        self._pages = pages
        self._name = name

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        application = self._pages.find(self._name)
        if application is None:
            raise HTTPError(503, f"the service {self._name} does not run, or has no pages")
        return application(exchange)


def host_published(settings: PublishedSettings, context: Context) -> Hosted:
    """Make one of settings."""
    return Hosted(Published(context[IPages], settings.name))
