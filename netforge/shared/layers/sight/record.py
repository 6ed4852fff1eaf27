"""The event in the log that tells of one connection."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.plugin import Connection, Meter
from netforge.shared.layers.sight.reasons import reason_of
from netforge.shared.logs.fields import address_text

__all__ = ["Record"]


class Record:
    """Logs the end of every connection.

    :param log: the service's.
    :param clock: tells how long they lasted.
    """

    def __init__(self, log: Logger, clock: IReactorTime) -> None:
        self._log = log
        self._clock = clock
        self._begun: dict[Meter, float] = {}

    def connected(self, meter: Meter) -> None:
        """See :class:`netforge.plugin.Watcher`."""
        self._begun[meter] = self._clock.seconds()

    def lost(self, meter: Meter, reason: Failure) -> None:
        """See :class:`netforge.plugin.Watcher`."""
        connection = Connection.of(meter.transport)
        self._log.info(
            "{peer} {reason} after {duration:.3f} s: {received} bytes received, {sent} sent",
            event="connection",
            connection=connection.id,
            listener=connection.listener,
            peer=address_text(connection.peer),
            identity=connection.identity,
            tls=connection.tls and connection.tls.version,
            received=meter.received,
            sent=meter.sent,
            duration=self._clock.seconds() - self._begun.pop(meter),
            reason=reason_of(reason),
        )
