"""Migrations: Alembic's, a linear history for each component."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from threading import Lock

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select

from netforge.shared.database.engines import REBUILDING
from netforge.shared.database.transactions import in_transaction

__all__ = ["migrate"]

#: What processes that use one PostgreSQL lock while they migrate.
ADVISORY_LOCK = int.from_bytes(b"netforge")

# What migrations call, alembic.op, is one for the whole process.
_turn = Lock()


def migrate(engine: Engine, name: str, package: str) -> None:
    """Bring the tables of a component to their newest version, all or nothing; see
    :meth:`netforge.plugin.IDatabase.migrate`.
    """
    with _turn:
        in_transaction(engine.execution_options(**{REBUILDING: True}), partial(_upgrade, name=name, package=package))


def _upgrade(connection: Connection, name: str, package: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    folder = _folder(package)
    script = ScriptDirectory(folder, version_locations=[folder])
    newest = script.get_current_head()
    options = {"version_table": f"{name}_version", "fn": lambda heads, _: script._upgrade_revs("heads", heads)}
    context = MigrationContext.configure(connection, opts=options)
    version = context.get_current_revision()
    if version == newest:
        return
    if version not in (None, *(one.revision for one in script.walk_revisions())):
        raise RuntimeError(
            f"the tables of {name!r} are of version {version}, but {package} knows versions up to {newest}: "
            "install what made them, or newer"
        )
    before = set(inspect(connection).get_table_names())
    with Operations.context(context):
        context.run_migrations()
    _check(connection, name, set(inspect(connection).get_table_names()) - before)


def _folder(package: str) -> str:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"there is no package {package!r} with migrations")
    return next(iter(spec.submodule_search_locations))


def _check(connection: Connection, name: str, made: set[str]) -> None:
    """Look whether all is as it must be before the end of a migration."""
    if strange := sorted(table for table in made if not table.startswith(f"{name}_")):
        raise RuntimeError(f"the migrations of {name!r} made {', '.join(strange)}; begin names with {name}_")
    if connection.dialect.name == "sqlite":
        broken = {str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
        if broken:
            raise RuntimeError(f"the migrations of {name!r} left rows in {', '.join(sorted(broken))} without a parent")
