"""Trees of every engine, whose calls are made at once, and what services are given of them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from netforge.plugin import FileInfo
from netforge.shared.files.folder import Folder
from netforge.shared.files.memory import Memory
from netforge.shared.files.paths import TEMPORARY
from netforge.shared.files.remote import Remote
from netforge.shared.files.stamps import Stamps
from netforge.shared.files.store import Store
from netforge.shared.files.tree import FileTree
from netforge.shared.files.workplace import Workplace

ENGINES = ("folder", "memory", "remote")


def done(deferred: Deferred[Any]) -> Any:
    """What a Deferred has fired with; raises what it has failed with."""
    results: list[Any] = []
    deferred.addBoth(results.append)
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return result


class Shelf:
    """A tree in few words.

    :ivar tree: the tree.
    """

    def __init__(self, store: Store, quota: int | None = None) -> None:
        self.workplace = Workplace("a place", store, execute)  # type: ignore[arg-type]  # whatever is called, it calls
        self.tree = FileTree(self.workplace, quota)

    def limited(self, quota: int) -> FileTree:
        """The same tree for somebody who has less room."""
        return FileTree(self.workplace, quota)

    def put(self, path: str, content: bytes, **how: bool) -> FileInfo:
        writing = done(self.tree.write(path, **how))
        try:
            done(writing.write(content))
            info: FileInfo = done(writing.commit())
        finally:
            done(writing.abort())
        return info

    def get(self, path: str) -> bytes:
        reading = done(self.tree.read(path))
        content = b""
        while data := done(reading.read(1_000_000)):
            content += data
        done(reading.close())
        return content

    def names(self, path: str = "") -> list[str]:
        return [info.name for info in done(self.tree.list(path))]

    @property
    def used(self) -> int:
        used: int = done(self.tree.usage())[0]
        return used


def make_store(engine: str, folder: Path) -> Store:
    """A store of an engine, which is empty."""
    stamps = Stamps(Clock())
    match engine:
        case "folder":
            return Folder(folder / "tree", stamps, random.Random(1))
        case "memory":
            return Memory(stamps)
    return Remote(f"memory://{uuid4()}")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    name: str = request.param
    return name


@pytest.fixture
def shelf(engine: str, tmp_path: Path) -> Shelf:
    """An empty tree of each engine in turn."""
    return Shelf(make_store(engine, tmp_path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the tree :func:`local`."""
    return tmp_path / "tree"


@pytest.fixture
def local(folder: Path) -> Shelf:
    """An empty tree in a folder."""
    return Shelf(make_store("folder", folder.parent))


@pytest.fixture
def temporaries(folder: Path) -> Callable[[], list[Path]]:
    """Tells which temporary files there are in the folder of :func:`local`."""
    return lambda: list(folder.rglob(f"{TEMPORARY}*"))


@pytest.fixture(autouse=True)
def nothing_is_left_open(tmp_path: Path) -> Iterator[None]:
    """Fails a test that leaves a file in its folder open."""
    yield
    # One of the descriptors is that of the listing, and gone by now.
    links = [Path(os.path.realpath(link)) for link in Path("/proc/self/fd").iterdir()]
    assert [link for link in links if link.is_relative_to(tmp_path) and not link.is_dir()] == []
