"""Sessions in the database: they outlive the process, and are seen by every process that uses it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from netforge.plugin import DatabaseUnavailable, IDatabase, ISessions
from netforge.shared.sessions.limits import check, is_key
from netforge.shared.sessions.tables import values

__all__ = ["DatabaseSessions"]

log = Logger()

#: Seconds between two sweeps, and how many values one transaction of a sweep deletes, so that none holds others up.
SWEEP_INTERVAL = 60
SWEEP = 1000


@implementer(ISessions)
class DatabaseSessions:
    """Values in a table.

    :param clock: says when they expire.
    """

    def __init__(self, database: IDatabase, clock: IReactorTime) -> None:
        self._database = database
        self._clock = clock
        self._insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[database.dialect]
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = clock

    async def start(self) -> None:
        """Bring the table to its newest version, and begin to sweep."""
        await self._database.migrate("sessions", f"{__package__}.migrations")
        self._sweeping.start(SWEEP_INTERVAL)

    def stop(self) -> None:
        """Sweep no more."""
        self._sweeping.stop()

    def get(self, key: str) -> Deferred[bytes | None]:
        """See :meth:`netforge.plugin.ISessions.get`."""
        if not is_key(key):
            return succeed(None)
        wanted = select(values.c.value).where(*self._alive(key))
        return self._database.run(lambda connection: connection.scalar(wanted), read_only=True)

    def put(self, key: str, value: bytes, lifetime: float) -> Deferred[None]:
        """See :meth:`netforge.plugin.ISessions.put`."""
        check(key, value)
        new = {"value": value, "expires": self._clock.seconds() + lifetime}
        statement = self._insert(values).values(key=key, **new).on_conflict_do_update(index_elements=["key"], set_=new)
        return self._change(key, statement).addCallback(lambda _: None)

    def delete(self, key: str) -> Deferred[bool]:
        """See :meth:`netforge.plugin.ISessions.delete`."""
        return self._change(key, delete(values).where(*self._alive(key)))

    def touch(self, key: str, lifetime: float) -> Deferred[bool]:
        """See :meth:`netforge.plugin.ISessions.touch`."""
        expires = self._clock.seconds() + lifetime
        return self._change(key, update(values).where(*self._alive(key)).values(expires=expires))

    def _alive(self, key: str) -> tuple[Any, Any]:
        return values.c.key == key, values.c.expires > self._clock.seconds()

    def _change(self, key: str, statement: Any) -> Deferred[bool]:
        """Fires with whether anything was changed."""
        if not is_key(key):
            return succeed(False)
        return self._database.run(lambda connection: connection.execute(statement).rowcount > 0)

    async def _sweep(self) -> None:
        """Delete what has expired, but for what another process is just deleting."""
        old = (
            select(values.c.key)
            .where(values.c.expires <= self._clock.seconds())
            .limit(SWEEP)
            .with_for_update(skip_locked=True)
        )
        statement = delete(values).where(values.c.key.in_(old))

        def some(connection: Connection) -> int:
            return connection.execute(statement).rowcount

        try:
            while await self._database.run(some) == SWEEP:
                pass
        except DatabaseUnavailable:
            # The database tells of that itself. What is left now is swept later.
            pass
        except Exception:
            log.failure("what has expired cannot be deleted")
