"""The pages of the services of one process."""

from __future__ import annotations

from zope.interface import implementer

from netforge.plugin import IPages, Task
from netforge.protocols.http import Application

__all__ = ["InProcessPages"]


@implementer(IPages)
class InProcessPages:
    """Applications by name, for each the ones that are published, the latest last."""

    def __init__(self) -> None:
        self._published: dict[str, dict[object, Application]] = {}

    def publish(self, name: str, application: Application) -> Task:
        """See :meth:`netforge.plugin.IPages.publish`."""
        place = object()

        def start() -> None:
            self._published.setdefault(name, {})[place] = application

        def stop() -> None:
            published = self._published[name]
            del published[place]
            if not published:
                del self._published[name]

        return Task(start, stop, f"the pages of {name}")

    def find(self, name: str) -> Application | None:
        """See :meth:`netforge.plugin.IPages.find`."""
        published = self._published.get(name)
        return published[next(reversed(published))] if published else None
