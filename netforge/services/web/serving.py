"""The factory of connections, which gives way to the one after a reload."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime

from netforge.protocols.http import Application, HTTPFactory

__all__ = ["Generations", "WebFactory"]


class Generations:
    """Which factory serves new connections. Outlives reloads."""

    def __init__(self) -> None:
        self.latest: WebFactory | None = None


class WebFactory(HTTPFactory):
    """Serves until a reload: then the connections that are open end, each after its next response.

    The arguments are those of :class:`~netforge.protocols.http.HTTPFactory`, and what the factories of one service
    have in common.
    """

    def __init__(self, application: Application, clock: IReactorTime, generations: Generations, **options: Any) -> None:
        super().__init__(application, clock, **options)
        self._generations = generations
        self._before: WebFactory | None = None

    def startFactory(self) -> None:
        """Everything that can fail has been done: the one before gives way."""
        self._before, self._generations.latest = self._generations.latest, self
        if self._before is not None:
            self._before.retire()
            # Nobody goes back by two.
            self._before._before = None

    def stopFactory(self) -> None:
        """Have the one before go on, if this one's start was undone."""
        if self._generations.latest is self:
            self._generations.latest = self._before
            if self._before is not None:
                self._before.retire(retired=False)
