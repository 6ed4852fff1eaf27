"""Deadlines: connections on which nothing happens are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from netforge.plugin import Meter
from netforge.shared.layers.limits.bandwidth import Throttle
from netforge.shared.layers.limits.settings import Limits

__all__ = ["Deadlines"]

#: How often the shortest deadline is looked at. So a connection may live longer than its deadline by a quarter of it.
LOOKS = 4
#: Seconds by which a timer may ring early, for rounding.
EARLY = 0.001


@dataclass(slots=True)
class _Watched:
    """A connection: when it began, when progress was last seen, and how many bytes had passed by then."""

    began: float
    since: float
    moved: int = 0


class Deadlines:
    """Looks at every connection of a listener now and then, by one timer. Its meter tells what has passed: nothing is
    done while data comes and goes.

    :param clock: where the time comes from.
    :param limits: the deadlines.
    :param cut: called with the reason, ``greeting`` or ``idle``, and how many connections are cut for it.
    """

    def __init__(self, clock: IReactorTime, limits: Limits, cut: Callable[[str, int], object]) -> None:
        self._clock = clock
        self._greeting = limits.greeting
        self._idle = limits.idle
        self._progress = limits.progress
        self._cut = cut
        self._period = min(deadline for deadline in (limits.greeting, limits.idle) if deadline) / LOOKS
        self._call: IDelayedCall | None = None
        self._watched: dict[Meter, _Watched] = {}

    def connected(self, meter: Meter) -> None:
        """See :class:`~netforge.plugin.Watcher`."""
        now = self._clock.seconds()
        self._watched[meter] = _Watched(now, now)
        if self._call is None:
            self._call = self._clock.callLater(self._period, self._look)

    def lost(self, meter: Meter, reason: Failure) -> None:
        """See :class:`~netforge.plugin.Watcher`."""
        self._watched.pop(meter, None)

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        if not self._idle:
            # Who has said something has no deadline any more.
            self._watched = {meter: watched for meter, watched in self._watched.items() if not meter.received}
        self._call = self._clock.callLater(self._period, self._look) if self._watched else None
        now = self._clock.seconds() + EARLY
        late: dict[str, list[Meter]] = {"greeting": [], "idle": []}
        for meter, watched in self._watched.items():
            if reason := self._expired(meter, watched, now):
                late[reason].append(meter)
        for reason, meters in late.items():
            if meters:
                self._cut(reason, len(meters))
            for meter in meters:
                del self._watched[meter]
                # Not loseConnection: that waits for a peer who perhaps never reads.
                meter.abortConnection()

    def _expired(self, meter: Meter, watched: _Watched, now: float) -> str:
        """Which deadline is over; empty if none is."""
        moved = meter.received + meter.sent
        if self._greeting and not meter.received and now - watched.began >= self._greeting:
            return "greeting"
        if moved - watched.moved >= self._progress or _throttled(meter):
            watched.moved, watched.since = moved, now
        elif self._idle and now - watched.since >= self._idle:
            return "idle"
        return ""


def _throttled(meter: Meter) -> bool:
    """Whether we are who is in the way."""
    return isinstance(meter.transport, Throttle) and meter.transport.waiting
