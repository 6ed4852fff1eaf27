"""Pages that services have, for whoever serves the web to show them where the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from netforge.plugin.parts import Task
    from netforge.protocols.http import Application

__all__ = ["IPages"]


class IPages(Interface):
    """Applications by name: who has pages needs no listener of its own for them, nor knows where they are shown."""

    def publish(name: str, application: Application) -> Task:
        """What has an application found by a name while it runs: a part for a service to return.

        After a reload the new instance starts before the old one stops; if that fails, it stops before the old one. So
        of several applications the one is found that was published last.

        :param name: that of the service, which is ``context.name``; for a second application that and more, such as
            ``forum/admin``.
        :param application: what answers. It may be mounted at any path, or at several: ``exchange.mount`` tells.
        """

    def find(name: str) -> Application | None:
        """The application of a name; ``None`` while there is none. Ask for each request: it changes with a reload."""
