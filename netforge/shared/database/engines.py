"""SQLAlchemy's engines for the databases that we know."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import URL, Connection, Engine, create_engine, event

__all__ = ["REBUILDING", "postgresql_engine", "sqlite_engine", "write_ahead"]

#: An execution option: foreign keys are not looked at, since tables are being rebuilt. Of SQLite alone.
REBUILDING = "netforge_rebuilding"
#: How often to try what fails while other processes open a new file of SQLite's. Eight at once need two at most.
ATTEMPTS = 20
#: Seconds after which a server that does not answer is lost, rather than after the quarter of an hour that TCP allows.
SILENCE = 30


def sqlite_engine(url: URL, connections: int, patience: float, *, read_only: bool = False) -> Engine:
    """An engine for a file of SQLite's.

    :param patience: for how many seconds to wait for another process that writes.
    """
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": patience, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "do_connect")
    def make_private(dialect: object, record: object, arguments: Sequence[str], options: object) -> None:
        # It would be everybody's to read. What cannot be made here, SQLite says better.
        with suppress(OSError):
            os.close(os.open(arguments[0], os.O_CREAT | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine, "connect")
    def prepare(driver: sqlite3.Connection, record: object) -> None:
        # Transactions begin where we say, not where sqlite3 guesses.
        driver.isolation_level = None
        if read_only:
            driver.execute("PRAGMA query_only = ON")
        else:
            write_ahead(driver)
            driver.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        rebuilding = connection.get_execution_options().get(REBUILDING, False)
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if rebuilding else 'ON'}")
        # A transaction that only turns out to write may find that another one has, and can then but fail.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def write_ahead(driver: sqlite3.Connection) -> None:
    """Have a file written ahead of itself, so that who reads it and who writes it do not wait for each other.

    :raises sqlite3.OperationalError: if that cannot be.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            driver.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not left:
                raise
        else:
            return
        # Others open a new file too. For them that did not wait, but this does.
        driver.execute("BEGIN IMMEDIATE")
        driver.execute("ROLLBACK")


def postgresql_engine(url: URL, connections: int, patience: float) -> Engine:
    """An engine for a database on a PostgreSQL server.

    :param patience: for how many seconds to wait for a new connection.
    :raises ImportError: if psycopg is not installed.
    """
    defaults = {
        "application_name": "netforge",
        "connect_timeout": math.ceil(patience),
        "keepalives_idle": SILENCE,
        "keepalives_interval": SILENCE // 3,
        "keepalives_count": 3,
        "tcp_user_timeout": SILENCE * 1000,
    }
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={key: value for key, value in defaults.items() if key not in url.query},
            hide_parameters=True,
        )
    except ImportError as error:
        raise ImportError("PostgreSQL needs a library: pip install 'netforge[postgresql]'") from error
