"""How long certificates are still valid: in the metrics, and in the log before it is too late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from netforge.plugin import IMetrics

__all__ = ["WARNED_BEFORE", "ExpiryWatch"]

#: How long before the end of a certificate it is warned of. What is renewed in time never comes so near.
WARNED_BEFORE = timedelta(days=14)
#: How often that is repeated.
REPEATED = timedelta(days=1)
#: Seconds between two looks.
INTERVAL = 3600.0


class ExpiryWatch:
    """Watches certificates.

    :param expiries: until when each certificate is valid, by its name.
    :param metrics: where that is told.
    :param clock: the time.
    :param log: where it is warned.
    """

    def __init__(
        self,
        expiries: Callable[[], Mapping[str, datetime]],
        metrics: IMetrics,
        clock: IReactorTime,
        log: Logger,
    ) -> None:
        self._expiries = expiries
        self._clock = clock
        self._log = log
        self._gauge = metrics.gauge(
            "netforge_certificate_expiry_timestamp_seconds", "Unix time at which a certificate expires", ["certificate"]
        )
        self._warned: dict[str, datetime] = {}
        self._call = LoopingCall(self.look)
        self._call.clock = clock

    def start(self) -> None:
        """Look now, and from now on."""
        self._call.start(INTERVAL)

    def stop(self) -> None:
        """Look no longer."""
        if self._call.running:
            self._call.stop()

    def look(self) -> None:
        """Tell how long each certificate is still valid."""
        now = self._now()
        for name, expiry in self._expiries().items():
            self._gauge.labels(name).set(expiry.timestamp())
            recently = name in self._warned and now - self._warned[name] < REPEATED
            if expiry - now <= WARNED_BEFORE and not recently:
                self._warned[name] = now
                self._warn(name, expiry, now)

    def check(self) -> None:
        """Whether all of them are valid.

        :raises ValueError: naming those that are not.
        """
        now = self._now()
        if expired := [name for name, expiry in self._expiries().items() if expiry <= now]:
            raise ValueError(f"expired: {', '.join(expired)}")

    def _warn(self, name: str, expiry: datetime, now: datetime) -> None:
        about = {"event": "certificate", "name": name, "expiry": f"{expiry:%Y-%m-%d %H:%M:%S} UTC"}
        if expiry <= now:
            self._log.error("certificate {name!r} has expired at {expiry}", **about)
        else:
            days = (expiry - now).days
            self._log.warn("certificate {name!r} expires in {days} days, at {expiry}", days=days, **about)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), UTC)
