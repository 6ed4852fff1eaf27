"""``ResourceApplication``: a resource of ``twisted.web`` as an application of ours."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource
from twisted.web.server import Site

from netforge.protocols.http import Exchange
from netforge.services.web.resource.channel import Channel

__all__ = ["ResourceApplication"]


class ResourceApplication:
    """Serves a resource of ``twisted.web``, over HTTP/1.1 and HTTP/2. That of a Klein application is one, too.

    Everything of a request works but what would take its connection over. Where it is mounted below a path, its
    requests have that in ``prepath``.

    :param resource: the root.
    :param reactor: where time comes from.
    :param max_body: the most bytes of a request's body, which is there when the resource is asked: in memory, or if it
        is longer, in a temporary file. ``None`` for no limit.
    """

    def __init__(self, resource: IResource, reactor: IReactorTime, *, max_body: int | None = 10 * 1024 * 1024) -> None:
        self._site = _MountedSite(resource, reactor=reactor)
        self._max_body = max_body

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request.

        :raises HTTPError: with status 400, if its path could be read in two ways.
        """
        Channel(self._site, exchange, self._max_body).begin()

    def stop(self) -> None:
        """End all sessions, and so their timers."""
        for session in list(self._site.sessions.values()):
            session.expire()


class _MountedSite(Site):
    """A site whose root may lie below a path."""

    def getResourceFor(self, request: Any) -> IResource:  # noqa: N802  Twisted's
        for _ in range(request.channel.exchange.mount.count("/")):
            request.prepath.append(request.postpath.pop(0))
        found: IResource = super().getResourceFor(request)
        return found
