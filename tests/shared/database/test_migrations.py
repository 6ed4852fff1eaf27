"""Migrations: each component's own history."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from tests.shared.database.conftest import Store

MakeHistory = Callable[..., str]

MAKE_TOYS = "op.create_table('toys_all', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.Text))"
ADD_BEAR = "op.execute(\"INSERT INTO toys_all VALUES (1, 'bear')\")"
ADD_PRICE = "op.add_column('toys_all', sa.Column('price', sa.Integer))"


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeHistory:
    """Makes the package of a history out of what its versions do."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(package: str, *steps: str) -> str:
        folder = tmp_path / package
        folder.mkdir()
        for number, step in enumerate(steps, 1):
            lines = "\n    ".join(step.splitlines())
            (folder / f"v{number}_step.py").write_text(
                "import sqlalchemy as sa\nfrom alembic import op\n"
                f"revision = '{number}'\ndown_revision = {str(number - 1) if number > 1 else None!r}\n"
                f"def upgrade():\n    {lines}\n"
            )
        return package

    return make


def migrate(store: Store, package: str, name: str = "toys") -> None:
    store.do(lambda database: database.migrate(name, package))


def tables(store: Store) -> set[str]:
    return store.run(lambda connection: set(inspect(connection).get_table_names())) - {"things"}


def test_every_version_that_is_missing_is_made_once(store: Store, history: MakeHistory) -> None:
    migrate(store, history("first", MAKE_TOYS, ADD_BEAR))
    migrate(store, "first")
    migrate(store, history("second", MAKE_TOYS, ADD_BEAR, ADD_PRICE))
    assert store.run(lambda connection: connection.execute(text("SELECT * FROM toys_all")).all()) == [(1, "bear", None)]


def test_each_component_has_its_own_history(store: Store, history: MakeHistory) -> None:
    migrate(store, history("toys", MAKE_TOYS, ADD_BEAR))
    migrate(store, history("games", MAKE_TOYS.replace("toys", "games")), "games")
    assert tables(store) == {"toys_all", "toys_version", "games_all", "games_version"}


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("raise KeyError('no')", "no"),
        ("op.execute('SELECT nothing')", "nothing"),
        ("op.create_table('games', sa.Column('id', sa.Integer))", "'toys' made games; begin names with toys_"),
    ],
)
def test_one_that_fails_leaves_everything_as_it_was(store: Store, history: MakeHistory, step: str, error: str) -> None:
    migrate(store, history("good", MAKE_TOYS))
    with pytest.raises(Exception, match=error):
        migrate(store, history("bad", MAKE_TOYS, ADD_BEAR, ADD_PRICE, step))
    assert tables(store) == {"toys_all", "toys_version"}
    assert store.run(lambda connection: connection.execute(text("SELECT * FROM toys_all")).all()) == []
    migrate(store, history("mended", MAKE_TOYS, ADD_BEAR))
    assert store.run(lambda connection: connection.execute(text("SELECT * FROM toys_all")).all()) == [(1, "bear")]


def test_tables_that_are_newer_than_the_package_are_refused(store: Store, history: MakeHistory) -> None:
    migrate(store, history("newer", MAKE_TOYS, ADD_BEAR, ADD_PRICE))
    with pytest.raises(RuntimeError, match=r"'toys' are of version 3, but older knows versions up to 2"):
        migrate(store, history("older", MAKE_TOYS, ADD_BEAR))


def test_a_package_that_is_not_there_is_named(sqlite: Store) -> None:
    with pytest.raises(RuntimeError, match="there is no package 'nowhere' with migrations"):
        migrate(sqlite, "nowhere")


def test_a_table_that_others_refer_to_can_be_rebuilt(store: Store, history: MakeHistory) -> None:
    make_parts = (
        "op.create_table('toys_parts', sa.Column('id', sa.Integer, sa.ForeignKey('toys_all.id', ondelete='CASCADE')))\n"
        "op.execute('INSERT INTO toys_parts VALUES (1)')"
    )
    rebuild = "with op.batch_alter_table('toys_all') as batch:\n    batch.alter_column('name', nullable=False)"
    migrate(store, history("rebuilt", MAKE_TOYS, ADD_BEAR, make_parts, rebuild))
    count: Any = store.run(lambda connection: connection.execute(text("SELECT count(*) FROM toys_parts")).scalar())
    assert count == 1


def test_rows_that_lose_their_parents_are_found(sqlite: Store, history: MakeHistory) -> None:
    make_parts = (
        "op.create_table('toys_parts', sa.Column('id', sa.Integer, sa.ForeignKey('toys_all.id')))\n"
        "op.execute('INSERT INTO toys_parts VALUES (17)')"
    )
    with pytest.raises(RuntimeError, match="left rows in toys_parts without a parent"):
        migrate(sqlite, history("orphans", MAKE_TOYS, make_parts))
    assert tables(sqlite) == set()


@pytest.mark.real
def test_processes_that_start_at_once_migrate_once(
    database_settings: str, history: MakeHistory, tmp_path: Path
) -> None:
    package = history("toys", MAKE_TOYS, ADD_BEAR)
    command = [sys.executable, "-m", "tests.shared.database.child", "migrate", database_settings, package]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    processes = [
        subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("begin\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
