"""The database: transactions in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import URL, Connection, Engine, text
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import Context, DatabaseBusy, DatabaseUnavailable, IDatabase, IHealth, IMetrics
from netforge.shared.database.engines import postgresql_engine, sqlite_engine
from netforge.shared.database.migrations import migrate
from netforge.shared.database.outage import Outage
from netforge.shared.database.transactions import in_transaction, place
from netforge.shared.database.workers import Workers

__all__ = ["SQLDatabase"]

T = TypeVar("T")


class _Lane(NamedTuple):
    """A way to the database: a connection for each worker."""

    engine: Engine
    workers: Workers
    outage: Outage

    def run(self, job: Callable[[Engine], T]) -> Deferred[T]:
        """Do something in a thread, and look what it says of the database."""
        return self.workers.do(partial(job, self.engine)).addBoth(self._noted, self.outage.turn)

    def _noted(self, result: Any, turn: int) -> Any:
        self.outage.note(result, turn)
        return result


@implementer(IDatabase)
class SQLDatabase:
    """A database.

    SQLite has one writer at a time. There one worker writes, and so never waits for another one of ours; the others
    read, and never wait for a disk that is being written to. On PostgreSQL all do both.

    :param url: where it is, with the password if there is one.
    :param connections: how many there are at most; at least 2.
    :param patience: for how many seconds a transaction may wait for one.
    :param context: gives it a reactor, a log, metrics and health.
    """

    def __init__(self, url: URL, connections: int, patience: float, context: Context) -> None:
        self.dialect = url.get_backend_name()
        self._name = context.name
        self._clock = context.clock
        self._health = context[IHealth]
        self._unwatch: Callable[[], None] = _nothing

        def lane(name: str, engine: Engine, size: int) -> _Lane:
            return _Lane(engine, Workers(name, size, context.reactor, patience), Outage(place(engine), context.log))

        if self.dialect == "sqlite":
            readers = connections - 1
            self._writing = lane("writing", sqlite_engine(url, 1, patience), 1)
            self._reading = lane("reading", sqlite_engine(url, readers, patience, read_only=True), readers)
            self._lanes: Sequence[_Lane] = [self._writing, self._reading]
        else:
            engine = postgresql_engine(url, connections, patience)
            self._writing = lane("all", engine, connections)
            self._reading = self._writing._replace(engine=engine.execution_options(postgresql_readonly=True))
            self._lanes = [self._writing]
        self._measure(context[IMetrics])

    async def start(self) -> None:
        """Connect.

        :raises DatabaseUnavailable: if it cannot be used.
        """
        for lane in self._lanes:
            lane.workers.start()
        try:
            await self._writing.run(_look)
        except Exception:
            await self.stop()
            raise
        self._unwatch = self._health.watch(self._name, lambda: self._reading.run(_look))

    async def stop(self) -> None:
        """Take nothing more, finish what was taken, and disconnect."""
        self._unwatch()
        for lane in self._lanes:
            # In a thread, since SQLite writes to its file when the last connection closes.
            await lane.workers.stop(last=lane.engine.dispose)

    def run(self, work: Callable[[Connection], T], *, read_only: bool = False) -> Deferred[T]:
        """See :meth:`netforge.plugin.IDatabase.run`."""
        began = self._clock.seconds()
        lane = self._reading if read_only else self._writing
        return lane.run(partial(in_transaction, work=work)).addBoth(self._count, began)

    def migrate(self, name: str, package: str) -> Deferred[None]:
        """See :meth:`netforge.plugin.IDatabase.migrate`."""
        return self._writing.run(partial(migrate, name=name, package=package))

    def describe(self) -> str:
        """See :meth:`netforge.plugin.IDatabase.describe`."""
        return place(self._writing.engine)

    def _measure(self, metrics: IMetrics) -> None:
        size = metrics.gauge("netforge_database_connections", "Connections that there may be", ["pool"])
        busy = metrics.gauge("netforge_database_connections_in_use", "Connections in use", ["pool"])
        waiting = metrics.gauge("netforge_database_waiting", "Transactions that wait for a connection", ["pool"])
        for lane in self._lanes:
            workers = lane.workers
            size.labels(workers.name).set(workers.size)
            busy.labels(workers.name).set_function(partial(getattr, workers, "busy"))
            waiting.labels(workers.name).set_function(partial(getattr, workers, "waiting"))
        self._durations = metrics.histogram(
            "netforge_database_transaction_seconds", "Seconds that transactions took, with their waiting"
        )
        self._errors = metrics.counter("netforge_database_errors_total", "Transactions that failed", ["reason"])

    def _count(self, result: Any, began: float) -> Any:
        self._durations.observe(self._clock.seconds() - began)
        if isinstance(result, Failure) and not result.check(CancelledError):
            self._errors.labels(_REASONS.get(result.check(*_REASONS), "failed")).inc()
        return result


#: What the metric calls an exception.
_REASONS: dict[Any, str] = {DatabaseBusy: "busy", DatabaseUnavailable: "unavailable"}


def _look(engine: Engine) -> None:
    in_transaction(engine, lambda connection: connection.execute(text("SELECT 1")).scalar_one())


def _nothing() -> None:
    """End no watch."""
