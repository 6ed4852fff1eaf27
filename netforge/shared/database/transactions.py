"""One transaction, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from netforge.plugin import DatabaseBusy, DatabaseUnavailable

__all__ = ["in_transaction", "place"]

T = TypeVar("T")

#: What is wrong with a file or its disk rather than with a statement (https://sqlite.org/rescode.html).
_SQLITE_TROUBLE = frozenset(
    {
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
#: The same of PostgreSQL: its connections, resources (such as the disk), operators and system (PostgreSQL's manual,
#: appendix A), by the beginnings of SQLSTATE.
_POSTGRESQL_TROUBLE = ("08", "53", "57P", "58")


def place(engine: Engine) -> str:
    """Where the database is, without its password."""
    return engine.url.render_as_string(hide_password=True)


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Do some work in a transaction.

    :raises DatabaseBusy: if another process holds the lock of SQLite's for too long.
    :raises DatabaseUnavailable: if the database cannot be reached, was lost, or cannot read or write its disk.
    """
    begun = False
    try:
        with engine.connect() as connection, connection.begin():
            begun = True
            return work(connection)
    except DBAPIError as error:
        meaning = _meaning(error, place(engine), begun=begun)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: DBAPIError, where: str, *, begun: bool) -> DatabaseUnavailable | None:
    """What an error says of the database, if it is not about a statement."""
    reason = f"{where}: {' '.join(str(error.orig).split())}"
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusy(reason)
    state = getattr(error.orig, "sqlstate", None) or ""
    if not begun or error.connection_invalidated or code in _SQLITE_TROUBLE or state.startswith(_POSTGRESQL_TROUBLE):
        return DatabaseUnavailable(reason)
    return None
