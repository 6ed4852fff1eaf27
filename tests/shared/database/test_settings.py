"""The database's settings, and how it starts, reloads and stops."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text
from twisted.internet.defer import Deferred

from docs.examples.visits import visits
from netforge.host import ServiceFailed
from netforge.host.settings import SettingsError, draw, read_text
from netforge.plugin import DatabaseUnavailable, IDatabase, IReadings
from netforge.testing import Network
from netforge.testing.pytest_plugin import MakeLab
from tests.postgresql import PASSWORD, PostgreSQL
from tests.shared.conftest import RunComponents
from tests.shared.database.conftest import Store, things


def test_without_settings_it_is_a_file_in_a_folder_that_others_cannot_enter(sqlite: Store, tmp_path: Path) -> None:
    file = tmp_path / "state" / "database" / "netforge.db"
    assert sqlite.database.describe() == f"sqlite:///{file}"
    assert file.stat().st_size > 0
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_relative_path_counts_from_the_settings_file(components: RunComponents, tmp_path: Path) -> None:
    database = components('[shared.database]\nurl = "sqlite:///here.db"', IDatabase)[IDatabase]
    assert database.describe() == f"sqlite:///{tmp_path}/here.db"
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("here*")}
    assert modes == {"here.db": 0o600, "here.db-wal": 0o600, "here.db-shm": 0o600}


@pytest.mark.real
def test_the_password_comes_from_a_file_and_is_not_told(
    components: RunComponents, network: Network, postgresql_server: PostgreSQL, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\nnot this\n")
    url = postgresql_server.make_database()
    settings = f'[shared.database]\nurl = "{url}"\npassword_file = "password"'
    store = Store(components(settings, IDatabase, IReadings), network)
    store.add("a")
    assert store.names == ["a"]
    assert postgresql_server.folder.name in store.database.describe()
    assert PASSWORD not in store.database.describe()


def test_without_its_library_postgresql_says_what_to_install(
    components: RunComponents, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ServiceFailed, match=r"pip install 'netforge\[postgresql\]'"):
        components('[shared.database]\nurl = "postgresql://ada@/x"', IDatabase)
    network.failures.clear()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('url = "nonsense"', "expected postgresql://USER@HOST/NAME or sqlite:///PATH"),
        ('url = "mysql://a@b/c"', "expected postgresql://... or sqlite:///..., not mysql://..."),
        ('url = "postgresql+psycopg2://a@b/c"', "not postgresql+psycopg2://..."),
        ('url = "postgresql://ada:hunter2@db/x"', "named in password_file"),
        ('url = "postgresql://ada@db/x?password=hunter2"', "named in password_file"),
        ('url = "sqlite://"', "expected the path of a file"),
        ('url = "sqlite:///:memory:"', "expected the path of a file"),
        ('url = "sqlite:///file:x.db?uri=true"', "expected the path of a file"),
        ("connections = 1", "2"),
        ("timeout = 0", "0"),
    ],
)
def test_what_cannot_be_is_refused_without_telling_a_password(line: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        draw(read_text(f"[shared.database]\n{line}", Path()))
    [found] = refused.value.problems
    assert problem in str(found)
    assert "hunter2" not in str(found)


def begin(store: Store, network: Network, door: Event, *, read_only: bool = False) -> Deferred[Any]:
    """Begin a transaction that ends when the door is opened."""
    begun: list[Deferred[Any]] = []

    async def begin_it(database: Any) -> None:
        begun.append(database.run(lambda connection: door.wait() and None, read_only=read_only))

    store.do(begin_it)
    network.run(0)
    return begun[0]


def test_who_reads_waits_for_nobody_who_writes(sqlite: Store, network: Network) -> None:
    sqlite.add("a")
    door = Event()
    writing, waiting = begin(sqlite, network, door), begin(sqlite, network, door)
    assert sqlite.names == ["a"]
    assert 'netforge_database_connections{pool="writing"} 1.0' in sqlite.metrics
    assert 'netforge_database_connections_in_use{pool="writing"} 1.0' in sqlite.metrics
    assert 'netforge_database_waiting{pool="writing"} 1.0' in sqlite.metrics
    assert 'netforge_database_connections{pool="reading"} 4.0' in sqlite.metrics
    door.set()
    network.run(0)
    assert writing.called
    assert waiting.called


def test_health_is_asked_for_by_a_query_and_no_longer_when_it_has_stopped(sqlite: Store, network: Network) -> None:
    assert sqlite.complaints == {}
    door = Event()
    for _ in range(4):
        begin(sqlite, network, door, read_only=True)
    assert sqlite.complaints == {"database": "TimeoutError: no answer within 1 s"}
    door.set()
    assert sqlite.complaints == {}
    sqlite.lab.stop()
    assert sqlite.complaints == {}


def test_a_stop_waits_for_work_and_refuses_what_comes_later(sqlite: Store, network: Network, tmp_path: Path) -> None:
    door = Event()
    writing = begin(sqlite, network, door)
    network.machine("server").reactor.callLater(5, door.set)
    assert sqlite.lab.stop() == 5
    assert writing.called
    with pytest.raises(DatabaseUnavailable, match="stopped"):
        sqlite.add("a")
    assert [file.name for file in (tmp_path / "state" / "database").iterdir()] == ["netforge.db"]


def test_a_stop_does_not_wait_for_ever(sqlite: Store, network: Network) -> None:
    door = Event()
    begin(sqlite, network, door)
    assert sqlite.lab.stop() < 60
    network.failures.clear()
    door.set()


def test_a_reload_with_other_settings_loses_nothing(
    components: RunComponents, network: Network, database_settings: str
) -> None:
    made = components(database_settings, IDatabase, IReadings)
    store = Store(made, network)
    store.add("a")
    change = made.reload(f"{database_settings}connections = 3")
    assert "database" in change.replaced
    store.database = made[IDatabase]
    store.add("b")
    assert store.names == ["a", "b"]
    assert store.run(lambda connection: connection.scalar(text("SELECT 1"))) == 1
    assert store.run(lambda connection: len(connection.execute(things.select()).all())) == 2


def test_the_example_counts_its_visitors(lab: MakeLab) -> None:
    settings = "[services.visits]\nlisten = 'tcp:127.0.0.1:7020'"
    for lines in ([b"You are visitor 1.\r\n", b"You are visitor 2.\r\n"], [b"You are visitor 3.\r\n"]):
        running = lab(settings, plugins=[visits])
        assert [running.connect("visits").receive_all() for _ in lines] == lines
        running.stop()
