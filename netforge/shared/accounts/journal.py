"""What is told of logins: an event in the log for each, and numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from netforge.plugin import IMetrics
from netforge.shared.accounts.names import NAME_CAP

__all__ = ["Journal", "Request"]

EVERY = 60.0
"""Seconds between two events of one address that is refused again and again."""

MOST_ADDRESSES = 1000
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody wants to log in.

    :param account: the name that they give.
    :param method: as for :class:`~netforge.plugin.Identity`.
    :param scope: what they want to use.
    :param peer: their address.
    :param connection: the id of the connection.
    """

    account: str
    method: str
    scope: str
    peer: str
    connection: str


class Journal:
    """Writes events and counts.

    :param clock: what time it is.
    :param log: where events go.
    :param metrics: where numbers go.
    """

    def __init__(self, clock: IReactorTime, log: Logger, metrics: IMetrics) -> None:
        self._clock = clock
        self._log = log
        self._refused: Counter[str] = Counter()
        self._timer: IDelayedCall | None = None
        self._count = metrics.counter("netforge_logins_total", "Attempts to log in", ["outcome", "method"])
        self._seconds = metrics.histogram("netforge_login_seconds", "Seconds that logins took", ["outcome"])

    def note(self, request: Request, outcome: str, began: float, reason: str = "", identity: str = "") -> None:
        """Tell of a login that was looked at.

        :param outcome: ``success``, ``failure``, ``unavailable`` or ``abandoned``.
        :param began: when.
        :param reason: why it failed.
        :param identity: who somebody is now.
        """
        duration = self._clock.seconds() - began
        self._count.labels(outcome, request.method).inc()
        self._seconds.labels(outcome).observe(duration)
        write = self._log.info if outcome == "success" else self._log.warn
        write(
            "login of {account!r} by {method} for {scope} from {peer}: {outcome}" + (": {reason}" if reason else ""),
            event="authentication",
            outcome=outcome,
            account=request.account[:NAME_CAP],
            method=request.method,
            scope=request.scope,
            peer=request.peer,
            connection=request.connection,
            identity=identity or None,
            reason=reason,
            duration=duration,
        )

    def refused(self, request: Request, network: str) -> None:
        """Tell of one that was not looked at, since there were too many failures: at once, then every minute, with
        how many there were.
        """
        self._count.labels("refused", request.method).inc()
        if network not in self._refused:
            if len(self._refused) >= MOST_ADDRESSES:
                network = OTHERS
            else:
                self._tell(network, 1)
                self._refused[network] = 0
                self._start()
                return
        self._refused[network] += 1

    def stop(self) -> None:
        """Tell what is left to tell."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell_all()

    def _start(self) -> None:
        if self._timer is None:
            self._timer = self._clock.callLater(EVERY, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._tell_all()
        if self._refused:
            self._start()

    def _tell_all(self) -> None:
        """Tell of those who went on; they are remembered, so that they have one event in a minute."""
        refused, self._refused = self._refused, Counter()
        for network, count in refused.items():
            if count:
                self._tell(network, count)
                self._refused[network] = 0

    def _tell(self, network: str, count: int) -> None:
        self._log.warn(
            "logins from {peer} refused after too many failures: {count}",
            event="authentication",
            outcome="refused",
            peer=network,
            count=count,
        )
