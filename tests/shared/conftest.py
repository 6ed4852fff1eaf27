"""Shared components on the simulated network, with databases of every kind that they use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from netforge.plugin import Context, Parts, Settings, service
from tests.blocking import nothing_blocks
from tests.postgresql import PostgreSQL

if TYPE_CHECKING:
    from netforge.host import Change
    from netforge.testing import Lab
    from netforge.testing.pytest_plugin import MakeLab

__all__ = ["Components", "RunComponents", "nothing_blocks"]


class UserSettings(Settings):
    """Somebody who uses components."""


class Components:
    """Components that run, as a service sees them.

    :ivar lab: where they run.
    :ivar context: the service's context.
    """

    def __init__(self, make: MakeLab, settings: str, *needs: Any) -> None:
        contexts: list[Context] = []

        @service("user", UserSettings, needs=needs)
        def user(settings: UserSettings, context: Context) -> Parts:
            contexts.append(context)
            return []

        self.settings = settings
        self.lab: Lab = make(f"[services.user]\n{settings}", plugins=[user])
        self._contexts = contexts

    def reload(self, settings: str) -> Change:
        """Reload with other settings."""

        async def reload() -> Change:
            return await self.lab.forge.reload()

        # Not lab.reload, which begins while the network stands still: threads that start then are not simulated.
        self.lab._next = self.lab._drawn(f"[services.user]\n{settings}")
        return self.lab.machine.network.run_until(reload())

    def __getitem__(self, interface: Any) -> Any:
        return self._contexts[-1][interface]


class RunComponents(Protocol):
    """What the fixture :func:`components` is."""

    def __call__(self, settings: str, *needs: Any) -> Components:
        """Run the components that are needed.

        :param settings: TOML, with tables ``[shared.NAME]``.
        :param needs: their interfaces.
        """
        ...


@pytest.fixture
def components(lab: MakeLab) -> RunComponents:
    """Runs shared components on the simulated network."""
    return lambda settings, *needs: Components(lab, settings, *needs)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server that lasts as long as the tests."""
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.fixture
def make_database_settings(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes an empty database of a kind, ``sqlite`` or ``postgresql``, and gives its table."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return "[shared.database]\n"
        server: PostgreSQL = request.getfixturevalue("postgresql_server")
        url, password_file = server.make_database(), server.password_file
        return f'[shared.database]\nurl = "{url}"\npassword_file = "{password_file}"\n'

    return make


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def database_settings(request: pytest.FixtureRequest, make_database_settings: Callable[[str], str]) -> str:
    """The table of an empty database, of each kind."""
    return make_database_settings(request.param)
