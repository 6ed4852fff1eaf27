"""Nothing outside of the folder is ever served."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netforge.protocols.http import HTTPError, path_of
from netforge.services.web.static import StaticSettings
from netforge.services.web.static.files import File
from netforge.services.web.static.reader import Reader, names_of
from netforge.services.web.static.tree import MOST_LINKS, Tree
from tests.services.web.static.conftest import put

SECRET = b"secret"


def content(root: Path, path: str) -> bytes | None:
    """What is served at a path."""
    reader = Reader(StaticSettings(root=root), lambda: 0.0)
    found = reader.look(path)
    if not isinstance(found, File):
        return None
    variant = reader.read(found, "")
    assert variant is not None
    assert isinstance(variant.source, bytes)
    return variant.source


@pytest.fixture
def outside(root: Path) -> Path:
    """A folder beside that which is served."""
    folder = root.parent / "outside"
    put(folder / "secret", SECRET)
    put(folder / "sub" / "secret", SECRET)
    return folder


@pytest.mark.parametrize(
    "target",
    [
        *("../outside/secret", "../../outside/secret", "{root}/../outside/secret", "{outside}/secret", "/etc/passwd"),
        *(".", "..", "itself", "sub", "absent", "sub/../../outside/secret", "{root}/file"),
        "/proc/self/root{outside}/secret",
    ],
)
def test_a_link_that_leads_nowhere(root: Path, outside: Path, target: str) -> None:
    put(root / "file", b"inside")
    (root / "sub").mkdir()
    (root / "itself").symlink_to("itself")
    (root / "link").symlink_to(target.format(root=root, outside=outside))
    assert content(root, "/link") is None


@pytest.mark.parametrize("target", ["..", "../outside", "{outside}", "sub/../../outside"])
def test_a_link_to_a_folder_outside(root: Path, outside: Path, target: str) -> None:
    (root / "sub").mkdir()
    (root / "link").symlink_to(target.format(outside=outside))
    for path in ("/link/secret", "/link/sub/secret", "/link/outside/secret", "/link/file", "/link/"):
        assert content(root, path) is None
    assert Tree(root).rows((), 10)[0] == [row for row in Tree(root).rows((), 10)[0] if row.name == "sub"]


@pytest.mark.parametrize("target", ["v2", "./v2/", "sub/../v2", "sub/up", "other"])
def test_a_link_that_stays_within_is_followed(root: Path, target: str) -> None:
    put(root / "v2" / "deep" / "file", b"inside")
    (root / "sub").mkdir()
    (root / "sub" / "up").symlink_to("../v2")
    (root / "other").symlink_to("v2")
    (root / "current").symlink_to(target)
    assert content(root, "/current/deep/file") == b"inside"
    assert "current" in {row.name for row in Tree(root).rows((), 10)[0] if row.folder}


def test_what_was_asked_for_is_hidden_not_what_a_link_leads_to(root: Path) -> None:
    # As Kubernetes mounts what is in a ConfigMap.
    put(root / "..2020" / "page", b"inside")
    (root / "..data").symlink_to("..2020")
    (root / "page").symlink_to("..data/page")
    assert content(root, "/page") == b"inside"
    assert content(root, "/..data/page") is None


def test_links_have_an_end(root: Path) -> None:
    put(root / "0", b"inside")
    for number in range(MOST_LINKS + 1):
        (root / f"{number + 1}").symlink_to(f"{number}")
    assert content(root, f"/{MOST_LINKS}") == b"inside"
    assert content(root, f"/{MOST_LINKS + 1}") is None


def test_the_way_to_the_root_may_have_links_and_change(root: Path) -> None:
    put(root / "v1" / "file", b"old")
    put(root / "v2" / "file", b"new")
    (root / "current").symlink_to("v1")
    tree = Tree(root / "current")
    with tree.place(("file",)) as place:
        os.close(place.open())
    (root / "next").symlink_to("v2")
    (root / "next").rename(root / "current")
    assert content(root / "current", "/file") == b"new"


def test_what_is_no_file(root: Path) -> None:
    os.mkfifo(root / "fifo")
    names = ["fifo"]
    with suppress(PermissionError):  # which only root has
        os.mknod(root / "device", 0o20666, os.makedev(1, 3))
        names.append("device")
    for name in names:
        assert content(root, f"/{name}") is None
    assert Tree(root).rows((), 10) == ([], 0)


def test_a_file_that_turns_into_something_else_is_not_opened(root: Path, outside: Path) -> None:
    for number, replace in enumerate([os.mkfifo, lambda path: path.symlink_to(outside / "secret"), Path.mkdir]):
        path = put(root / f"{number}", b"inside")
        with Tree(root).place((path.name,)) as place:
            path.unlink()
            replace(path)
            with pytest.raises(FileNotFoundError):
                place.open()


def test_a_folder_that_turns_into_a_link_is_not_entered(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root / "sub" / "secret", b"inside")
    stat = os.stat

    def turned(path: str, **options: Any) -> os.stat_result:
        status = stat(path, **options)
        if path == "sub":
            (root / "sub").rename(root / "away")
            (root / "sub").symlink_to(outside)
        return status

    monkeypatch.setattr(os, "stat", turned)
    assert content(root, "/sub/secret") is None


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/sub/.hidden", "/sub/.well-known", "/.well-known/.hidden"])
def test_what_is_hidden(root: Path, path: str) -> None:
    put(root / path[1:], SECRET)
    assert names_of(path) is None
    assert content(root, path) is None


def test_what_is_well_known_is_not_hidden(root: Path) -> None:
    put(root / ".well-known" / "security.txt", b"inside")
    assert content(root, "/.well-known/security.txt") == b"inside"


@pytest.mark.parametrize(
    "path", ["//file", "/sub//file", "/file/", "/file/more", "/a\\b", "/..\\x", "/a\0b", "//", "///"]
)
def test_names_that_are_none(root: Path, path: str) -> None:
    put(root / "file", b"inside")
    put(root / "sub" / "file", b"inside")
    put(root / "a\\b", b"inside")
    assert content(root, path) is None


def test_names_that_are_too_long(root: Path) -> None:
    assert content(root, "/" + "a" * 300) is None
    assert content(root, "/a" * 5000) is None


PART = st.sampled_from(
    ["", *["..", ".", "a", "b", "link", "up", "out", "abs", "secret", "outside", "root", ".env", "%2e%2e", "file"]]
)
TARGET = st.one_of(
    st.text(max_size=20), st.lists(PART, max_size=8).map("/".join), st.lists(PART, max_size=8).map("%2f".join)
)


@pytest.fixture(scope="module")
def maze() -> Iterator[Path]:
    """A folder with links to everywhere."""
    with TemporaryDirectory() as temporary:
        root = Path(temporary, "root")
        put(Path(temporary, "outside", "secret"), SECRET)
        put(Path(temporary, "secret"), SECRET)
        put(root / "a" / "b" / "file", b"inside")
        put(root / ".env", SECRET)
        put(root / "a" / ".env", SECRET)
        for folder in (root, root / "a", root / "a" / "b"):
            for name, target in {"up": "..", "out": "../../outside", "abs": temporary, "link": "up/up/link"}.items():
                (folder / name).symlink_to(target)
        yield root


@settings(max_examples=300)
@given(target=TARGET)
def test_no_target_leads_outside(maze: Path, target: str) -> None:
    for text in (target, quote(target)):
        try:
            path = path_of(f"/{text}")
        except (HTTPError, UnicodeEncodeError):
            continue
        with suppress(UnicodeEncodeError):
            assert content(maze, path) in (None, b"inside")


NAME = st.sampled_from(["a", "b", "c"])
LINK = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=6).map("/".join)


@settings(max_examples=50)
@given(st.dictionaries(st.tuples(NAME, NAME), LINK, max_size=4), st.lists(NAME, min_size=1, max_size=4))
def test_links_lead_where_the_system_says_or_nowhere(links: dict[tuple[str, str], str], names: list[str]) -> None:
    with TemporaryDirectory() as temporary:
        root = Path(temporary, "root")
        for folder in "ab":
            put(root / folder / "file", f"inside {folder}".encode())
            put(Path(temporary, folder, "file"), SECRET)
        for (folder, name), target in links.items():
            (root / folder / name).parent.mkdir(exist_ok=True)
            (root / folder / name).symlink_to(target)
        real = root.joinpath(*names, "file")
        found = content(root, "/".join(["", *names, "file"]))
        if found is not None:
            assert found == real.read_bytes() != SECRET
        elif real.is_file():
            # It was on the way out, if only to come back.
            assert any(".." in target for target in links.values())


@contextmanager
def swapping(folder: Path, target: Path) -> Iterator[None]:
    """A thread that lets a folder be what it was and a link to a target in turn."""
    ending = Event()
    link, away = folder.with_name("link"), folder.with_name("away")

    def swap() -> None:
        while not ending.is_set():
            link.symlink_to(target)
            folder.rename(away)
            link.rename(folder)
            folder.unlink()
            away.rename(folder)

    thread = Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def test_a_folder_that_turns_into_a_link_leads_nowhere(root: Path, outside: Path) -> None:
    put(root / "sub" / "secret", b"inside")
    seen: set[bytes | None] = set()
    with swapping(root / "sub", outside):
        for number in range(20_000):
            with suppress(FileNotFoundError):
                seen.add(content(root, "/sub/secret"))
            if number > 300 and len(seen) > 1:
                break
    assert seen == {None, b"inside"}
