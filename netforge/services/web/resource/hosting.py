"""A resource of ``twisted.web`` as a site."""

from __future__ import annotations

from pathlib import Path

from twisted.web.resource import IResource

from netforge.plugin import Context, Field, Settings, Task
from netforge.services.web.hosted import Hosted
from netforge.services.web.modules import ApplicationName, load
from netforge.services.web.resource.application import ResourceApplication

__all__ = ["ResourceSettings", "host_resource"]


class ResourceSettings(Settings):
    """A resource of twisted.web, or a Klein application."""

    app: ApplicationName = Field(
        description="the resource or the Klein application, as 'module:name', or 'module:name()' for what a function "
        "returns",
    )
    folder: Path = Field(
        Path(), description="the folder that has the module, unless it is installed; relative to the settings file"
    )


def host_resource(settings: ResourceSettings, context: Context) -> Hosted:
    """Serve a resource.

    :raises ImportError: if it cannot be found; and whatever importing it raises.
    :raises TypeError: if it is none.
    """
    resource = load(settings.app, settings.folder)
    if not IResource.providedBy(resource) and hasattr(resource, "resource"):
        # An application of Klein's.
        resource = resource.resource()
    if not IResource.providedBy(resource):
        raise TypeError(f"{settings.app} is {resource!r}: expected a resource of twisted.web")
    # The site has a limit of its own for bodies.
    application = ResourceApplication(resource, context.reactor, max_body=None)
    return Hosted(application, [Task(_nothing, application.stop, f"the sessions of {settings.app}")])


def _nothing() -> None:
    """What has to be started is started when it is needed."""
