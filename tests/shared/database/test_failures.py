"""What goes wrong with a database: what callers, the log and the checks of health say of it."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThreadPool
from twisted.logger import LogEvent

from netforge.host import ServiceFailed
from netforge.host.components import with_components
from netforge.host.settings import read_text
from netforge.plugin import Context, DatabaseBusy, DatabaseUnavailable, IDatabase, IReadings
from netforge.shared.database.engines import ATTEMPTS, write_ahead
from netforge.testing import Network
from tests.conftest import Drive
from tests.postgresql import PASSWORD, PostgreSQL
from tests.shared.conftest import RunComponents
from tests.shared.database.conftest import Store, things


def told(events: list[LogEvent]) -> list[str]:
    """What the log says of the database."""
    return [event["event"] for event in events if str(event.get("event")).startswith("database ")]


@pytest.mark.parametrize(
    ("url", "content", "reason"),
    [
        ("nowhere/x.db", None, "unable to open database file"),
        ("x.db", b"not a database" * 1000, "file is not a database"),
    ],
)
def test_a_file_that_is_no_database_keeps_it_from_starting(
    components: RunComponents, network: Network, tmp_path: Path, url: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / url).write_bytes(content)
    with pytest.raises(ServiceFailed, match=f"DatabaseUnavailable: sqlite:///{tmp_path / url}: {reason}"):
        components(f'[shared.database]\nurl = "sqlite:///{url}"', IDatabase)
    network.failures.clear()
    assert network.threads.names == []


@pytest.mark.real
def test_a_server_that_refuses_is_named_and_the_password_is_not(
    components: RunComponents, network: Network, postgresql_server: PostgreSQL, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORD + "!")
    url = postgresql_server.make_database()
    with pytest.raises(ServiceFailed, match=r"DatabaseUnavailable: .*password authentication failed") as failed:
        components(f'[shared.database]\nurl = "{url}"\npassword_file = "password"', IDatabase)
    assert url.partition("://")[2].partition("?")[0].split("/")[-1] in str(failed.value)
    assert PASSWORD not in str(failed.value)
    network.failures.clear()


def test_who_waits_for_another_process_in_vain_is_told_that_it_is_busy(
    components: RunComponents, network: Network, tmp_path: Path, events: list[LogEvent]
) -> None:
    store = Store(components('[shared.database]\nurl = "sqlite:///x.db"\ntimeout = 0.1', IDatabase, IReadings), network)
    store.add("a")
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusy, match="database is locked"):
        store.add("b")
    assert store.names == ["a"]
    other.execute("ROLLBACK")
    other.close()
    store.add("b")
    assert store.names == ["a", "b"]
    assert told(events) == []
    assert 'netforge_database_errors_total{reason="busy"} 1.0' in store.metrics


class Refusing:
    """A file that others are just opening.

    :ivar asked: what was asked of it.
    """

    def __init__(self, times: int, code: int) -> None:
        self.asked: list[str] = []
        self._times = times
        self._error = sqlite3.OperationalError("no")
        self._error.sqlite_errorcode = code

    def execute(self, statement: str) -> None:
        self.asked.append(statement)
        if statement.startswith("PRAGMA"):
            self._times -= 1
            if self._times >= 0:
                raise self._error


def test_who_opens_a_new_file_while_others_do_waits_for_them() -> None:
    refusing: Any = Refusing(2, sqlite3.SQLITE_BUSY)
    write_ahead(refusing)
    wait = ["BEGIN IMMEDIATE", "ROLLBACK"]
    assert refusing.asked == ["PRAGMA journal_mode = WAL", *wait] * 2 + ["PRAGMA journal_mode = WAL"]


@pytest.mark.parametrize(("code", "times"), [(sqlite3.SQLITE_BUSY, ATTEMPTS), (sqlite3.SQLITE_IOERR, 1)])
def test_who_waits_for_ever_or_in_vain_is_told(code: int, times: int) -> None:
    refusing: Any = Refusing(times, code)
    with pytest.raises(sqlite3.OperationalError):
        write_ahead(refusing)
    assert refusing.asked.count("PRAGMA journal_mode = WAL") == times


@contextmanager
def limited(folder: Path) -> Iterator[None]:
    """No file may grow beyond 200 KB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """The disk is full, but for 100 KB."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(1000))
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - 100_000)
    try:
        yield
    finally:
        ballast.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a mebibyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.real
@pytest.mark.parametrize(("full", "disk"), [(limited, "tmp_path"), (filled, "small_disk")])
def test_a_full_disk_is_told_once_and_reading_goes_on_until_there_is_room_again(
    components: RunComponents,
    network: Network,
    events: list[LogEvent],
    request: pytest.FixtureRequest,
    full: Callable[[Path], AbstractContextManager[None]],
    disk: str,
) -> None:
    folder: Path = request.getfixturevalue(disk)
    settings = f'[shared.database]\nurl = "sqlite:///{folder}/x.db"'
    store = Store(components(settings, IDatabase, IReadings), network)
    added = 0

    def add() -> None:
        nonlocal added
        store.run(lambda connection: connection.execute(things.insert(), [{"name": f"{added} {n}"} for n in range(99)]))
        added += 99

    with full(folder):
        with pytest.raises(DatabaseUnavailable, match=rf"{folder}/x\.db: (database or disk is full|disk I/O error)"):
            while True:
                add()
        with pytest.raises(DatabaseUnavailable):
            add()
        assert len(store.names) == added > 0
        assert told(events) == ["database lost"]
    add()
    assert len(store.names) == added
    assert told(events) == ["database lost", "database back"]


@pytest.mark.real
@pytest.mark.parametrize(("state", "expected"), [("53100", DatabaseUnavailable), ("P0001", DBAPIError)])
def test_a_server_whose_disk_is_full_is_not_the_fault_of_the_statement(
    components: RunComponents,
    network: Network,
    make_database_settings: Callable[[str], str],
    state: str,
    expected: type[Exception],
) -> None:
    store = Store(components(make_database_settings("postgresql"), IDatabase, IReadings), network)
    fail = text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
    with pytest.raises(expected, match="no"):
        store.run(lambda connection: connection.execute(fail))
    store.add("a")
    assert store.names == ["a"]


@pytest.mark.real
def test_a_server_that_was_started_again_meanwhile_is_used_as_before(
    components: RunComponents,
    network: Network,
    make_database_settings: Callable[[str], str],
    postgresql_server: PostgreSQL,
    events: list[LogEvent],
) -> None:
    store = Store(components(make_database_settings("postgresql"), IDatabase, IReadings), network)
    store.add("a")
    postgresql_server.crash()
    postgresql_server.start()
    store.add("b")
    assert store.names[-1] == "b"
    assert told(events) == []


def add(connection: Any, number: int) -> None:
    connection.execute(things.insert().values(id=number))


class Work:
    """Adds things, five at a time, until it is told to stop.

    :ivar added: the numbers of those that are said to be there.
    :ivar errors: why others failed.
    """

    def __init__(self, context: Context) -> None:
        self.added: list[int] = []
        self.errors: list[Exception] = []
        self._database = context[IDatabase]
        self._next = 0
        self._stopping = False
        self._enough: tuple[Callable[[], bool], Deferred[None]] | None = None
        self._done = gatherResults([Deferred.fromCoroutine(self._add()) for _ in range(5)])

    def until(self, enough: Callable[[], bool]) -> Deferred[None]:
        """Fires when there is enough."""
        reached: Deferred[None] = Deferred()
        self._enough = enough, reached
        return reached

    async def stop(self) -> None:
        self._stopping = True
        await self._done

    async def _add(self) -> None:
        while not self._stopping:
            self._next += 1
            number = self._next
            try:
                await self._database.run(partial(add, number=number))
                self.added.append(number)
            except Exception as error:
                self.errors.append(error)
            if self._enough is not None and self._enough[0]():
                (_, reached), self._enough = self._enough, None
                reached.callback(None)


@pytest.mark.real
def test_a_server_that_crashes_is_told_once_and_loses_nothing_and_is_used_again_when_it_is_back(
    drive: Drive, postgresql_server: PostgreSQL, tmp_path: Path, events: list[LogEvent]
) -> None:
    url, password_file = postgresql_server.make_database(), postgresql_server.password_file
    settings = f'[shared.database]\nurl = "{url}"\npassword_file = "{password_file}"'
    postgresql_server.crash()
    postgresql_server.start(fsync=True)

    async def scenario(reactor: Any) -> None:
        def in_thread(function: Callable[..., object], **options: Any) -> Deferred[object]:
            return deferToThreadPool(reactor, reactor.getThreadPool(), function, **options)

        async def crash_and_return(context: Context) -> None:
            database, readings = context[IDatabase], context[IReadings]
            await database.run(things.metadata.create_all)
            work = Work(context)
            await work.until(lambda: len(work.added) >= 50)
            assert (await readings.health())["database"] == ""
            await in_thread(postgresql_server.crash)
            await work.until(lambda: len(work.errors) >= 20)
            assert "DatabaseUnavailable" in (await readings.health())["database"]
            before = len(work.added)
            await in_thread(postgresql_server.start)
            await work.until(lambda: len(work.added) >= before + 50)
            assert (await readings.health())["database"] == ""
            await work.stop()
            assert {type(error) for error in work.errors} == {DatabaseUnavailable}
            there = await database.run(lambda connection: set(connection.execute(things.select()).scalars()))
            assert there.issuperset(work.added)
            # Those whose commit was under way may be there or not.
            assert len(there) <= len(work.added) + 5

        document = read_text(settings, tmp_path)
        await with_components("test", [IDatabase, IReadings], document, reactor, crash_and_return)

    drive(scenario, timeout=60)
    assert told(events) == ["database lost", "database back"]
