"""The database: SQL by SQLAlchemy, in threads beside the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

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

    def run(work: Callable[[sqlalchemy.Connection], T]) -> Deferred[T]:
        """Do some work in one transaction, in a thread of the pool.

        It is committed, durably, when *work* returns, and rolled back when it raises.

        :param work: called with the connection, which is its own until it returns. It never touches the reactor.
        :return: fires with what *work* returned, after the commit; fails with what it raised.
        :raises DatabaseBusy: through the Deferred, if no connection is free within the time that the settings allow.
        :raises DatabaseUnavailable: through the Deferred, if the database cannot be reached or was lost under way.
        """

    def migrate(name: str, package: str) -> Deferred[None]:
        """Bring the tables of one component or service to their newest version, under a lock.

        :param name: whose tables: all of their names begin with it and an underscore.
        :param package: the importable package that holds the migrations of this branch, a module each, as Alembic's.
        :raises RuntimeError: through the Deferred, if the tables are newer than the package knows.
        """

    def describe() -> Any:
        """Where the database is, without its password: for people."""
