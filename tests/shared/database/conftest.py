"""A database with a table, on the simulated network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from netforge.plugin import IDatabase, IReadings
from netforge.testing import Network
from tests.shared.conftest import Components, RunComponents

__all__ = ["Store", "things"]

T = TypeVar("T")

things = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(20), unique=True))


class Store:
    """A database that runs.

    :ivar lab: where it runs.
    :ivar database: the component.
    """

    def __init__(self, components: Components, network: Network) -> None:
        self.lab = components.lab
        self.database: Any = components[IDatabase]
        self._readings: Any = components[IReadings]
        self._network = network
        self.do(lambda database: database.run(things.metadata.create_all))

    def do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do something with the database, and let time pass until it is done."""

        async def doing() -> T:
            return await work(self.database)

        return self._network.run_until(doing())

    def run(self, work: Callable[[Any], T], *, read_only: bool = False) -> T:
        """Run a transaction."""

        async def running(database: Any) -> T:
            result: T = await database.run(work, read_only=read_only)
            return result

        return self.do(running)

    def add(self, *names: str) -> None:
        """Add things."""
        self.run(lambda connection: connection.execute(things.insert(), [{"name": name} for name in names]))

    @property
    def names(self) -> list[str]:
        """The names of all things."""
        names: list[str] = self.run(
            lambda connection: list(connection.scalars(select(things.c.name).order_by(things.c.id))), read_only=True
        )
        return names

    @property
    def metrics(self) -> str:
        """What is measured."""
        shown: bytes = self._readings.numbers("")[1]
        return shown.decode()

    @property
    def complaints(self) -> dict[str, str]:
        """What is not healthy, and why."""

        async def look(_: Any) -> dict[str, str]:
            return {name: wrong for name, wrong in (await self._readings.health()).items() if wrong}

        return self.do(look)


@pytest.fixture
def store(components: RunComponents, network: Network, database_settings: str) -> Store:
    """A database of each kind."""
    return Store(components(database_settings, IDatabase, IReadings), network)


@pytest.fixture
def sqlite(components: RunComponents, network: Network) -> Store:
    """A database of SQLite's, as it is without settings."""
    return Store(components("", IDatabase, IReadings), network)
