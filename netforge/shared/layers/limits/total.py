"""All connections of a listener: at their limit, the port is held."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Total"]

#: The port accepts again when this part of the limit is free, so that it does not go to and fro.
FREE = 0.05


class Total:
    """Counts the connections of a listener, over reloads.

    :ivar live: how many there are.
    """

    def __init__(self) -> None:
        self.live = 0
        self._limit = 0
        self._hold: Callable[[bool], object] = bool
        self._held = False

    def limit(self, limit: int, hold: Callable[[bool], object]) -> None:
        """Set or change the limit.

        :param limit: how many there may be; 0 for any number.
        :param hold: called with ``True`` when there are so many, and with ``False`` when some of them have gone.
        """
        if self._held:
            self._hold(False)
        self._limit, self._hold, self._held = limit, hold, False
        self._look()

    @property
    def full(self) -> bool:
        """Whether there is no place left."""
        return 0 < self._limit <= self.live

    def enter(self) -> None:
        """Count a connection."""
        self.live += 1
        self._look()

    def leave(self) -> None:
        """Count one off."""
        self.live -= 1
        self._look()

    def _look(self) -> None:
        if self.full and not self._held:
            self._held = True
            self._hold(True)
        elif self._held and self.live <= self._limit - max(1, int(self._limit * FREE)):
            self._held = False
            self._hold(False)
