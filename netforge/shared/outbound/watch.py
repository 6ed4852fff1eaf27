"""How far a request has come, how long that took, and when it is too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from netforge.plugin import OutboundStage, OutboundTimeout, OutboundTimeouts

__all__ = ["SAYING", "STAGES", "Watch"]

STAGES: tuple[OutboundStage, ...] = get_args(OutboundStage)

#: What is being done in each stage, as an error says it.
SAYING: dict[OutboundStage, str] = {
    "queue": "waiting for a free connection",
    "name": "looking up the name",
    "connect": "connecting",
    "proxy": "asking the proxy for a tunnel",
    "tls": "agreeing on TLS",
    "send": "sending the request",
    "response": "waiting for the response",
    "body": "reading the response",
}


class Watch:
    """Times one request, from its begin to the end of the body.

    :param timeouts: how long it may take.
    :param where: what it is about, for the error.
    :param cancel: called when it takes too long, before there is a response; whoever waits then finds :attr:`late`.
    :ivar stage: how far it has come.
    :ivar took: the seconds that each stage took.
    :ivar late: what was too long.
    :ivar close: called rather than *cancel* once there is a response.
    """

    def __init__(
        self, clock: IReactorTime, timeouts: OutboundTimeouts, where: str, cancel: Callable[[], object]
    ) -> None:
        self.stage: OutboundStage = "queue"
        self.took: dict[OutboundStage, float] = {}
        self.late: OutboundTimeout | None = None
        self.close: Callable[[], object] | None = None
        self._clock = clock
        self._timeouts = timeouts
        self._where = where
        self._cancel = cancel
        self._begun = clock.seconds()
        self._since: float | None = None
        self._timer: IDelayedCall | None = None
        self._total: IDelayedCall | None = None

    def again(self) -> None:
        """Begin, or begin another request with what is left of the total time."""
        self.rest()
        self.took.clear()
        self.close = None
        total = self._timeouts.total
        if total is not None and self._total is None:
            left = max(0.0, self._begun + total - self._clock.seconds())
            self._total = self._clock.callLater(left, self._expire_all, total)

    def enter(self, stage: OutboundStage) -> None:
        """Begin a stage, or give it time again."""
        self.rest()
        self.stage = stage
        self.took.setdefault(stage, 0.0)
        self._since = self._clock.seconds()
        allowed: float | None = getattr(self._timeouts, stage)
        if allowed is not None:
            self._timer = self._clock.callLater(allowed, self._expire, allowed)

    def rest(self) -> None:
        """Stop the time of the stage: it is not the server that is waited for."""
        if self._since is not None:
            self.took[self.stage] += self._clock.seconds() - self._since
            self._since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self) -> None:
        """Time nothing any more. May be called twice."""
        self.rest()
        if self._total is not None:
            self._total.cancel()
            self._total = None

    def _expire(self, allowed: float) -> None:
        self._timer = None
        self._cut(f"{SAYING[self.stage]} took more than {allowed:g} seconds")

    def _expire_all(self, allowed: float) -> None:
        self._total = None
        self._cut(f"it took more than {allowed:g} seconds altogether, the last of them {SAYING[self.stage]}")

    def _cut(self, what: str) -> None:
        self.end()
        self.late = OutboundTimeout(f"{self._where}: {what}", self.stage)
        (self.close or self._cancel)()
