"""Files as a component: on a host, in threads, and through reloads."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent
from zope.interface.verify import verifyObject

from netforge.host import Forge
from netforge.host.discovery import Catalogue
from netforge.host.settings import Blueprint, draw, read_text
from netforge.plugin import Context, IFiles, IFileTree, Parts, Settings, service
from netforge.shared.files import files
from netforge.shared.files.folder import Folder
from netforge.shared.files.places import Files
from netforge.testing import Network

if TYPE_CHECKING:
    from tests.conftest import Installed

SECONDS = 30.0


class Keeper:
    """A service that has files."""

    def __init__(self) -> None:
        self.files: Any = None

        @service("keeper", Settings, needs=[IFiles])
        def keeper(settings: Settings, context: Context) -> Parts:
            self.files = context[IFiles]
            return []

        self.plugin = keeper


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


class Host:
    """A host whose service has files. What it does begins while the network runs, as threads must."""

    def __init__(self, network: Network, catalogue: Catalogue, folder: Path) -> None:
        self.text = "[services.keeper]\n[shared.files]\nthreads = 2\n"
        self._catalogue = catalogue
        self._folder = folder
        reactor: Any = network.machine("server").reactor
        self.forge = Forge(self._draw(), reactor, self._draw, network.random_for("forge"))

    async def start(self) -> None:
        self.forge.startService()
        await self.forge.when_ready()

    async def reload(self, text: str) -> None:
        self.text = text
        await self.forge.reload()

    async def stop(self) -> None:
        await self.forge.stopService()

    def _draw(self) -> Blueprint:
        return draw(read_text(self.text, self._folder), self._catalogue)


@pytest.fixture
def host(network: Network, installed: type[Installed], keeper: Keeper, tmp_path: Path) -> Iterator[Host]:
    """A host that runs."""
    made = Host(network, installed(keeper.plugin, shared=[files]), tmp_path)
    network.run_until(made.start(), timeout=SECONDS)
    yield made
    network.run_until(made.stop(), timeout=SECONDS)


Run = Callable[[Coroutine[Deferred[Any], Any, Any]], Any]


@pytest.fixture
def run(network: Network, host: Host) -> Run:
    """Runs a coroutine while the host runs."""
    return lambda work: network.run_until(work, timeout=SECONDS)


async def put(tree: IFileTree, path: str, content: bytes) -> None:
    writing = await tree.write(path)
    await writing.write(content)
    await writing.commit()


async def get(tree: IFileTree, path: str) -> bytes:
    reading = await tree.read(path)
    content = await reading.read(1000)
    await reading.close()
    return content


def test_a_service_has_files(run: Run, keeper: Keeper, tmp_path: Path) -> None:
    assert verifyObject(IFiles, keeper.files)
    places = (str(tmp_path / "files"), "memory:some", f"memory://{uuid4()}")

    async def work() -> None:
        for place in places:
            tree = keeper.files.tree(place, quota=10)
            await put(tree, "a", b"hello")
            assert await get(tree, "a") == b"hello"
            assert await tree.usage() == (5, 10)

    run(work())
    assert (tmp_path / "files" / "a").read_bytes() == b"hello"


def test_trees_of_one_place_are_one(run: Run, keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "files")

    async def work() -> None:
        for place, other in ((str(tmp_path / "files"), str(tmp_path / "link")), ("memory:some", "memory:some")):
            one, two = keeper.files.tree(place), keeper.files.tree(other, quota=10)
            await put(one, "a", b"hello")
            assert await two.usage() == (5, 10)
        assert await keeper.files.tree("memory:other").list("") == []

    run(work())


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("files", "files: expected an absolute folder, memory:NAME, or a URL"),
        ("", "expected an absolute folder"),
        ("file:///srv", "give a folder of this computer by its path"),
        ("nothing://srv", "nothing"),
    ],
)
def test_what_is_no_place_is_refused(host: Host, keeper: Keeper, place: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keeper.files.tree(place)


def test_what_is_in_memory_outlives_a_reload(run: Run, host: Host, keeper: Keeper) -> None:
    run(put(keeper.files.tree("memory:some"), "a", b"hello"))
    before = keeper.files
    run(host.reload("[services.keeper]\n[shared.files]\nthreads = 3\n"))
    assert keeper.files is not before
    assert run(get(keeper.files.tree("memory:some"), "a")) == b"hello"


def test_a_slow_disk_holds_nobody_but_who_waits_for_it(
    run: Run, keeper: Keeper, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(5)
        sync(descriptor)

    async def work() -> None:
        tree = keeper.files.tree(str(tmp_path / "files"))
        await tree.usage()
        monkeypatch.setattr(os, "fsync", slow)
        begun = network.now
        committing = Deferred.fromCoroutine(put(tree, "a", b"hello"))
        assert await tree.list("") == []
        assert network.now - begun < 1
        await committing
        assert 10 <= network.now - begun < 11

    run(work())


def test_what_cannot_be_counted_is_told_of_and_tried_again(
    run: Run,
    keeper: Keeper,
    network: Network,
    events: list[LogEvent],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(store: Folder) -> None:
        raise OSError(5, "the disk is broken")

    async def work() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "count", fail)
            tree = keeper.files.tree(str(tmp_path / "files"))
            for _ in range(2):
                with pytest.raises(OSError, match="the disk is broken"):
                    await put(tree, "a", b"hello")
        await put(tree, "a", b"hello")

    run(work())
    told = [formatEvent(event) for event in events if "counted" in formatEvent(event)]
    assert told == [f"{tmp_path}/files: the files cannot be counted"]
    network.failures.clear()


def test_a_place_that_nobody_uses_is_closed(run: Run, keeper: Keeper, tmp_path: Path) -> None:
    def roots() -> int:
        return [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()].count(str(tmp_path / "files"))

    async def work() -> None:
        tree = keeper.files.tree(str(tmp_path / "files"))
        await tree.usage()
        assert roots() == 1

    run(work())
    gc.collect()
    assert roots() == 0


def test_threads_start_again_after_they_were_stopped(network: Network, tmp_path: Path) -> None:
    reactor = network.machine("server").reactor
    made = Files(reactor, network.random_for("test"), {}, 2)

    async def work() -> None:
        for _ in range(2):
            made.start()
            await put(made.tree(str(tmp_path / "files")), "a", b"hello")
            await made.stop()

    network.run_until(work(), timeout=SECONDS)
    assert (tmp_path / "files" / "a").read_bytes() == b"hello"


def test_the_plugin() -> None:
    assert (files.name, files.offers, files.needs) == ("files", (IFiles,), ())
