"""Applications of netforge's own kind: a ``netforge.web`` site, or anything else that answers an exchange."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from netforge.plugin import (
    Context,
    Field,
    IAccounts,
    IBus,
    ICertificates,
    IDatabase,
    IFiles,
    IHealth,
    IMetrics,
    ISessions,
)
from netforge.services.web.hosted import Hosted
from netforge.services.web.modules import ApplicationName, load
from netforge.services.web.shorthand import Short

__all__ = ["ApplicationSettings", "host_site"]

INTERFACES = {
    "accounts": IAccounts,
    "bus": IBus,
    "certificates": ICertificates,
    "database": IDatabase,
    "files": IFiles,
    "health": IHealth,
    "metrics": IMetrics,
    "sessions": ISessions,
}


class ApplicationSettings(Short):
    """An application written for netforge."""

    app: ApplicationName = Field(description="the application, as 'module:name'")
    folder: Path = Field(
        Path(), description="the folder that has the module, unless it is installed; relative to the settings file"
    )
    make: bool = Field(
        False,
        description="whether that is a function that makes it: called with the context of the service, it returns the "
        "application, or a Hosted with tasks beside it",
    )
    uses: list[Literal["accounts", "bus", "certificates", "database", "files", "health", "metrics", "sessions"]] = (
        Field([], description="the shared components that it finds in the context")
    )

    @property
    def needs(self) -> Sequence[Any]:
        """The interfaces of what it uses."""
        return [INTERFACES[name] for name in self.uses]


def host_site(settings: ApplicationSettings, context: Context) -> Hosted:
    """Make one of settings."""
    found = load(settings.app, settings.folder)
    if settings.make:
        found = found(context)
    if isinstance(found, Hosted):
        return found
    if not callable(found):
        raise TypeError(f"{settings.app} is no application: {found!r} cannot be called with an exchange")
    return Hosted(found)
