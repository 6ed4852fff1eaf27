"""The database: SQL by SQLAlchemy, in threads beside the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    import sqlalchemy

__all__ = ["DatabaseBusy", "DatabaseUnavailable", "IDatabase"]

T = TypeVar("T")


class DatabaseUnavailable(Exception):  # noqa: N818  says what is the matter
    """The database cannot be reached, or was lost under way. What had been acknowledged stands."""


class DatabaseBusy(DatabaseUnavailable):
    """No connection became free in time."""


class IDatabase(Interface):
    """One database, SQLite or PostgreSQL, for everything that is to outlive the process.

    Statements are SQLAlchemy Core, by which the same code runs on both.
    """

    dialect: str = Attribute("``sqlite`` or ``postgresql``")

    def run(work: Callable[[sqlalchemy.Connection], T], *, read_only: bool = False) -> Deferred[T]:
        """Do some work in one transaction, in a thread of the pool.

        It is committed, durably, when *work* returns, and rolled back when it raises. Cancelling the Deferred takes
        it out of the queue; once begun, it goes on.

        :param work: called with the connection, which is its own until it returns. It never touches the reactor.
        :param read_only: whether it only reads. On SQLite it then waits for nobody who writes; a statement that writes
            is an error.
        :return: fires with what *work* returned, after the commit; fails with what it raised.
        :raises DatabaseBusy: through the Deferred, if no connection is free within the time that the settings allow.
            Then nothing was done.
        :raises DatabaseUnavailable: through the Deferred, if the database cannot be reached, was lost under way, or
            cannot write, such as to a full disk. If it was lost during the commit, nobody knows whether that was done.
        """

    def migrate(name: str, package: str) -> Deferred[None]:
        """Bring the tables of one component or service to their newest version, under a lock.

        :param name: whose tables: all of their names begin with it and an underscore.
        :param package: the importable package that holds the migrations, a module each, as Alembic's: one history
            without branches. All that are missing are done in one transaction.
        :raises RuntimeError: through the Deferred, if the tables are newer than the package knows, or if a migration
            makes a table whose name begins otherwise. Nothing has changed then, as with any error.
        """

    def describe() -> str:
        """Where the database is, without its password: for people."""
