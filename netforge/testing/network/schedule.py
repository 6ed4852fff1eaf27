"""Virtual time: what is yet to happen, and when."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine

__all__ = ["Event", "Schedule"]


class Event(NamedTuple):
    """A call that is due at a time; what is due at once happens in the order in which it was scheduled."""

    time: float
    order: int
    machine: Machine | None
    call: Callable[..., object]
    arguments: tuple[Any, ...]


class Schedule:
    """The clock and its agenda. Time stands still while something happens, and then jumps to what is next.

    :param now: the time at the beginning, in seconds since 1970.
    :ivar now: the time.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self.agenda: list[Event] = []
        self._count = 0

    def at(self, time: float, machine: Machine | None, call: Callable[..., object], *arguments: Any) -> None:
        """Have something happen at a time, on a machine or on none."""
        self._count += 1
        heappush(self.agenda, Event(time, self._count, machine, call, arguments))

    def soon(self, machine: Machine | None, call: Callable[..., object], *arguments: Any) -> None:
        """Have something happen now, after what is due now already."""
        self.at(self.now, machine, call, *arguments)

    def next_until(self, deadline: float) -> Event | None:
        """Take what is next off the agenda, and let its time be now; ``None`` if nothing is due by the deadline."""
        if not self.agenda or self.agenda[0].time > deadline:
            return None
        event = heappop(self.agenda)
        self.now = max(self.now, event.time)
        return event
