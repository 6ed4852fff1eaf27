"""Outages: told when they begin and when they end, not with every attempt."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.plugin import DatabaseBusy, DatabaseUnavailable

__all__ = ["Outage"]


class Outage:
    """Whether a database cannot be used.

    :param where: which one, for the log.
    :param log: hears of it.
    :ivar turn: how often that has changed. What was begun before a change says nothing of what is after it.
    """

    def __init__(self, where: str, log: Logger) -> None:
        self.turn = 0
        self._where = where
        self._log = log

    def note(self, result: Any, turn: int) -> None:
        """Learn from what became of a transaction.

        :param turn: when it was begun.
        """
        failed = isinstance(result, Failure)
        if turn != self.turn or (failed and result.check(DatabaseBusy, CancelledError)):
            return
        lost = failed and result.check(DatabaseUnavailable) is not None
        lasts = turn % 2 == 1
        if lost and not lasts:
            self._log.error(
                "The database cannot be used: {reason}",
                event="database lost",
                database=self._where,
                reason=result.getErrorMessage(),
            )
        elif lasts and not lost:
            self._log.info("The database can be used again: {database}", event="database back", database=self._where)
        else:
            return
        self.turn += 1
