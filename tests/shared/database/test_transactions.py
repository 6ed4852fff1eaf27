"""Transactions, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from zope.interface.verify import verifyObject

from netforge.plugin import IDatabase
from tests.shared.database.conftest import Store, things


def test_it_is_a_database(store: Store) -> None:
    assert verifyObject(IDatabase, store.database)
    assert store.database.dialect in ("sqlite", "postgresql")


def test_what_work_returns_comes_back_and_what_it_did_stands(store: Store) -> None:
    store.add("a", "b")
    assert store.run(lambda connection: connection.scalar(select(func.count()).select_from(things))) == 2
    assert store.names == ["a", "b"]


def test_what_work_raises_comes_back_and_nothing_stands(store: Store) -> None:
    def fail(connection: Any) -> None:
        connection.execute(things.insert().values(name="a"))
        raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        store.run(fail)
    assert store.names == []


def test_a_statement_that_fails_takes_back_what_was_before_it(store: Store) -> None:
    store.add("a")
    with pytest.raises(IntegrityError):
        store.add("b", "a")
    assert store.names == ["a"]
    store.add("b")
    assert store.names == ["a", "b"]


def test_tables_are_part_of_a_transaction(store: Store) -> None:
    def fail(connection: Any) -> None:
        connection.execute(text("CREATE TABLE others (id INTEGER)"))
        connection.execute(text("INSERT INTO others VALUES (1)"))
        raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        store.run(fail)
    store.run(lambda connection: connection.execute(text("CREATE TABLE others (id INTEGER)")))


def test_who_only_reads_cannot_write_and_the_next_one_can(store: Store) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        store.run(lambda connection: connection.execute(things.insert().values(name="a")), read_only=True)
    store.add("b")
    assert store.names == ["b"]


def test_errors_do_not_tell_the_values_of_a_statement(store: Store) -> None:
    def fail(connection: Any) -> None:
        connection.execute(text("SELECT :secret FROM nowhere"), {"secret": "hunter2"})

    with pytest.raises(DBAPIError) as failed:
        store.run(fail)
    assert "nowhere" in str(failed.value)
    assert "hunter2" not in str(failed.value)


def test_work_is_done_in_threads_and_the_result_arrives_in_the_reactors(store: Store) -> None:
    async def threads(database: Any) -> list[threading.Thread]:
        inside = await database.run(lambda connection: threading.current_thread())
        return [inside, threading.current_thread()]

    inside, outside = store.do(threads)
    assert outside is threading.current_thread() is not inside


def test_foreign_keys_are_held_to(store: Store) -> None:
    store.run(lambda connection: connection.execute(text("CREATE TABLE of_things (id INTEGER REFERENCES things(id))")))
    with pytest.raises(IntegrityError):
        store.run(lambda connection: connection.execute(text("INSERT INTO of_things VALUES (17)")))


def test_transactions_are_counted(store: Store) -> None:
    store.add("a")
    with pytest.raises(KeyError):
        store.run(raise_key_error)
    assert "netforge_database_transaction_seconds_count 3.0" in store.metrics
    assert 'netforge_database_errors_total{reason="failed"} 1.0' in store.metrics


def raise_key_error(_: object) -> None:
    raise KeyError("no")
