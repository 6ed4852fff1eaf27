"""A tree in a folder: nothing leads out of it, and nothing is left behind."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netforge.plugin import IFileTree
from netforge.shared.files.paths import TEMPORARY
from tests.shared.files.conftest import Shelf, done, make_store

#: How often each call is made while links come and go.
ROUNDS = 3000

SECRET = b"what must stay outside"


@pytest.fixture
def outside(tmp_path: Path, local: Shelf) -> Path:
    """A folder beside the tree, with a secret."""
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    (outside / "secret").write_bytes(SECRET)
    return outside


def untouched(outside: Path) -> bool:
    """Whether that folder is as it was."""
    found = {str(path.relative_to(outside)) for path in outside.rglob("*")}
    return found == {"sub", "secret"} and (outside / "secret").read_bytes() == SECRET


CALLS: list[Callable[[IFileTree, str], Deferred[Any]]] = [
    lambda tree, path: tree.info(path),
    lambda tree, path: tree.read(path),
    lambda tree, path: tree.write(path),
    lambda tree, path: tree.write(path, keep=True),
    lambda tree, path: tree.write(path, exclusive=True),
    lambda tree, path: tree.remove(path),
    lambda tree, path: tree.rename(path, "new"),
    lambda tree, path: tree.rename("own", path, replace=True),
]


@pytest.mark.parametrize("call", CALLS)
def test_links_are_refused(local: Shelf, folder: Path, outside: Path, call: Callable[..., Deferred[Any]]) -> None:
    local.put("own", b"own")
    targets = {
        "file": outside / "secret",
        "folder": outside,
        "root": Path("/"),
        "inside": Path("own"),
        "itself": Path("itself"),
        "nothing": outside / "new",
    }
    for name, target in targets.items():
        (folder / name).symlink_to(target)
    for path in (*targets, "folder/secret", "folder/new", "root/etc/passwd", "folder/sub/new", "inside/own"):
        with pytest.raises(PermissionError):
            done(call(local.tree, path))
    assert untouched(outside)
    assert (local.names(), local.used) == (["own"], 3)
    assert {path.name for path in folder.iterdir()} == {"own", *targets}


def test_a_link_is_no_folder(local: Shelf, folder: Path, outside: Path) -> None:
    (folder / "link").symlink_to(outside)
    with pytest.raises(PermissionError):
        done(local.tree.list("link"))
    with pytest.raises(PermissionError):
        done(local.tree.make_folder("link/new"))
    with pytest.raises(FileExistsError):
        done(local.tree.make_folder("link"))
    assert untouched(outside)


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "tree").symlink_to(tmp_path / "real")
    shelf = Shelf(make_store("folder", tmp_path))
    shelf.put("a", b"hello")
    assert (tmp_path / "real" / "a").read_bytes() == b"hello"


@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_file_is_refused_at_once(local: Shelf, folder: Path, call: Callable[..., Deferred[Any]]) -> None:
    local.put("own", b"own")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "socket"))
        names = ["fifo", "socket"]
        with suppress(PermissionError):  # which only root has
            os.mknod(folder / "device", 0o20666, os.makedev(1, 3))
            names.append("device")
        for name in names:
            with pytest.raises(PermissionError):
                done(call(local.tree, name))
    assert local.names() == ["own"]


def test_a_file_of_two_names_is_never_changed(local: Shelf, folder: Path, outside: Path) -> None:
    os.link(outside / "secret", folder / "hard")
    local.put("hard", b"more", keep=True)
    assert local.get("hard") == SECRET + b"more"
    local.put("hard", b"new")
    assert untouched(outside)
    done(local.tree.remove("hard"))
    assert untouched(outside)


@contextmanager
def swapping(folder: Path, name: str, target: Path) -> Iterator[None]:
    """A thread that lets a name be what it was and a link to a target in turn."""
    ending = Event()
    link, real = folder / ".link", folder / name

    def swap() -> None:
        while not ending.is_set():
            with suppress(FileNotFoundError, FileExistsError):
                link.symlink_to(target)
            with suppress(OSError):
                real.rename(folder / ".real")
            with suppress(OSError):
                link.rename(real)
            with suppress(OSError):
                real.unlink()
            with suppress(OSError):
                (folder / ".real").rename(real)

    thread = Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def test_a_folder_that_turns_into_a_link_leads_nowhere(local: Shelf, folder: Path, outside: Path) -> None:
    done(local.tree.make_folder("sub"))
    local.put("sub/secret", b"mine")
    tree, seen, refused = local.tree, 0, 0
    (outside / "sub").rename(outside / "marker")

    def look(number: int) -> None:
        assert local.get("sub/secret") == b"mine"

    def enter(number: int) -> None:
        assert "marker" not in local.names("sub")

    steps: list[Callable[[int], object]] = [
        look,
        enter,
        lambda number: local.put("sub/new", b"new", exclusive=number % 2 == 0),
        lambda number: done(tree.make_folder(f"sub/{number}")),
        lambda number: done(tree.rename(f"sub/{number}", f"moved{number}")),
        lambda number: done(tree.rename(f"moved{number}", f"sub/{number}")),
        lambda number: done(tree.remove(f"sub/{number}")),
        lambda number: done(tree.remove("sub/new")),
        lambda number: done(tree.remove("sub/marker")),
    ]
    with swapping(folder, "sub", outside):
        for number in range(ROUNDS):
            for step in steps:
                try:
                    step(number)
                    seen += 1
                except (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError):
                    refused += 1
    (outside / "marker").rename(outside / "sub")
    assert untouched(outside)
    assert seen
    assert refused


def test_a_file_that_turns_into_a_link_is_not_read(local: Shelf, folder: Path, outside: Path) -> None:
    local.put("a", b"mine")
    seen, refused = 0, 0
    with swapping(folder, "a", outside / "secret"):
        for _ in range(ROUNDS):
            try:
                assert local.get("a") == b"mine"
                seen += 1
            except (PermissionError, FileNotFoundError):
                refused += 1
            with suppress(PermissionError):
                done(done(local.tree.write("a", keep=True)).abort())
    assert untouched(outside)
    assert seen
    assert refused


@pytest.mark.parametrize("target", ["secret", "fifo", "sub"])
def test_what_a_file_has_become_is_looked_at_once_more(
    local: Shelf, folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """The moment that threads hit by chance only: between the look and the opening."""
    local.put("a", b"mine")
    os.mkfifo(outside / "fifo")
    opened = os.open

    def swap(path: str, flags: int, *args: object, **kwargs: int) -> int:
        if path == "a":
            assert flags & os.O_NONBLOCK, "to open a FIFO would wait for ever"
            (folder / "a").unlink()
            if target == "secret":
                (folder / "a").symlink_to(outside / "secret")
            else:
                (outside / target).rename(folder / "a")
        return opened(path, flags, *args, **kwargs)  # type: ignore[arg-type]  # what was given

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(IsADirectoryError if target == "sub" else PermissionError):
        done(local.tree.read("a"))


def test_names_that_are_no_text_stay_what_they_are(local: Shelf, folder: Path) -> None:
    (folder / os.fsdecode(b"\xff\xfe")).write_bytes(b"hello")
    [name] = local.names()
    assert os.fsencode(name) == b"\xff\xfe"
    assert local.get(name) == b"hello"
    done(local.tree.rename(name, "b"))
    assert local.names() == ["b"]


def test_what_is_being_written_is_hidden(local: Shelf, temporaries: Callable[[], list[Path]]) -> None:
    writing = done(local.tree.write("a"))
    [temporary] = temporaries()
    assert local.names() == []
    with pytest.raises(PermissionError):
        done(local.tree.read(temporary.name))
    done(writing.commit())
    assert temporaries() == []


@pytest.mark.parametrize("exclusive", [False, True])
def test_nothing_is_left_of_what_is_given_up(
    local: Shelf, temporaries: Callable[[], list[Path]], exclusive: bool
) -> None:
    local.put("a", b"a")
    done(done(local.tree.write("a", exclusive=exclusive)).abort())
    assert temporaries() == []
    writing = done(local.limited(2).write("b", exclusive=exclusive))
    with pytest.raises(OSError, match="would have 3"):
        done(writing.write(b"ab"))
    done(writing.abort())
    assert temporaries() == []


def test_a_commit_that_fails_leaves_nothing(
    local: Shelf, temporaries: Callable[[], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = done(local.tree.write("a"))
    done(writing.write(b"hello"))
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="the disk is broken"):
        done(writing.commit())
    assert (temporaries(), local.names(), local.used) == ([], [], 0)


def broken(descriptor: int) -> None:
    """What a disk does in the end."""
    raise OSError(5, "the disk is broken")


def test_what_a_crash_has_left_is_swept_and_not_counted(folder: Path) -> None:
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / f"{TEMPORARY}1").write_bytes(b"left")
    (folder / "sub" / f"{TEMPORARY}2").write_bytes(b"left")
    (folder / "sub" / "a").write_bytes(b"hello")
    (folder / "sub" / "link").symlink_to("/etc/passwd")
    # A crash between the two steps of an exclusive commit.
    os.link(folder / "sub" / "a", folder / "sub" / f"{TEMPORARY}3")
    shelf = Shelf(make_store("folder", folder.parent))
    assert shelf.used == 5
    assert sorted(path.name for path in folder.rglob("*")) == ["a", "empty", "link", "sub"]


def test_what_others_are_writing_is_not_swept(local: Shelf, folder: Path) -> None:
    writing = done(local.tree.write("a"))
    done(writing.write(b"hello"))
    assert Shelf(make_store("folder", folder.parent)).used == 0
    done(writing.commit())
    assert local.get("a") == b"hello"


def test_a_sweep_in_the_moment_before_the_lock_is_noticed(
    local: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, sweeps = os.open, 0

    def sweep(path: str, flags: int, *args: object, **kwargs: int) -> int:
        nonlocal sweeps
        descriptor = opened(path, flags, *args, **kwargs)  # type: ignore[arg-type]  # what was given
        if str(path).startswith(TEMPORARY) and sweeps < 2:
            sweeps += 1
            (folder / path).unlink()
        return descriptor

    done(local.tree.usage())
    monkeypatch.setattr(os, "open", sweep)
    local.put("a", b"hello")
    assert (local.get("a"), sweeps) == (b"hello", 2)


def test_temporary_names_that_are_taken_are_passed_over(folder: Path, local: Shelf) -> None:
    done(local.tree.usage())
    for name in [f"{TEMPORARY}{random.Random(1).getrandbits(64):016x}"]:
        (folder / name).write_bytes(b"of somebody else")
    local.put("a", b"hello")
    assert local.get("a") == b"hello"


def test_what_cannot_be_entered_stops_nobody(local: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lost+found").mkdir()
    opened = os.open

    def refuse(path: str, flags: int, *args: object, **kwargs: int) -> int:
        if path == "lost+found":
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *args, **kwargs)  # type: ignore[arg-type]  # what was given

    monkeypatch.setattr(os, "open", refuse)  # root may enter everything
    local.put("a", b"hello")
    assert local.used == 5


def test_a_folder_is_made_with_those_that_it_is_in(tmp_path: Path) -> None:
    make_store("folder", tmp_path / "deep" / "deeper")
    assert (tmp_path / "deep" / "deeper" / "tree").is_dir()


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        make_store("folder", tmp_path)
