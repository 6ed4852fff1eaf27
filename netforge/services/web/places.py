"""Places: which part of a site answers for a path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping

from netforge.protocols.http import Application, Exchange, HTTPError, path_of

__all__ = ["Places", "nothing_here"]


def nothing_here(exchange: Exchange) -> None:
    """The application for paths at which there is nothing."""
    path_of(exchange.request.target)
    raise HTTPError(404)


class Places:
    """An application that leaves each request to what is mounted at the longest path that its own begins with.

    A path begins with another one at the ends of segments alone: ``/shop/1`` with ``/shop``, ``/shopping`` not.

    :param places: by path, without a slash at the end; empty for the root.
    :param otherwise: what answers for every other path, and for those that could be read in two ways.
    """

    def __init__(self, places: Mapping[str, Application], otherwise: Application = nothing_here) -> None:
        longest_first = sorted(places.items(), key=lambda place: -len(place[0]))
        self._places = [(f"{path}/", path, application) for path, application in longest_first]
        self._otherwise = otherwise

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        try:
            path = f"{path_of(exchange.request.target)}/"
        except HTTPError:
            return self._otherwise(exchange)
        if "//" in path and not self._is_plain(path):
            return self._otherwise(exchange)
        for beginning, mount, application in self._places:
            if path.startswith(beginning):
                exchange.mount = mount
                return application(exchange)
        return self._otherwise(exchange)

    def _is_plain(self, path: str) -> bool:
        """Whether a path is at the same place for servers that take several slashes for one: else ``//staff`` would be
        a way around what stands at ``/staff`` alone.
        """
        merged = re.sub("/+", "/", path)
        for beginning, _, _ in self._places:
            if merged.startswith(beginning):
                return path.startswith(beginning)
        return True
