"""Sessions of every engine, on the simulated network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netforge.plugin import IDatabase, ISessions
from netforge.testing import Network
from tests.shared.conftest import Components, RunComponents

__all__ = ["Keeping"]


class Keeping:
    """Sessions that run.

    :ivar components: what they run with.
    """

    def __init__(self, components: Components, network: Network) -> None:
        self.components = components
        self._network = network

    @property
    def sessions(self) -> Any:
        """The component that a service has now."""
        return self.components[ISessions]

    @property
    def now(self) -> float:
        """The time."""
        return self._network.now

    def do(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do something, and wait for it."""

        async def doing() -> Any:
            return await work()

        return self._network.run_until(doing())

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._network.run(seconds)

    def get(self, key: str) -> Any:
        return self.do(lambda: self.sessions.get(key))

    def put(self, key: str, value: bytes, lifetime: float = 60) -> Any:
        return self.do(lambda: self.sessions.put(key, value, lifetime))

    def delete(self, key: str) -> Any:
        return self.do(lambda: self.sessions.delete(key))

    def touch(self, key: str, lifetime: float = 60) -> Any:
        return self.do(lambda: self.sessions.touch(key, lifetime))


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def engine_settings(request: pytest.FixtureRequest) -> str:
    """The tables of each engine."""
    if request.param == "memory":
        return "[shared.sessions]\n"
    database: str = request.getfixturevalue("make_database_settings")(request.param)
    return f'[shared.sessions]\nengine = "database"\n{database}'


@pytest.fixture
def keeping(components: RunComponents, network: Network, engine_settings: str) -> Keeping:
    """Sessions of each engine."""
    return Keeping(components(engine_settings, ISessions, IDatabase), network)
