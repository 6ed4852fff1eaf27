"""The page of a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.services.web.static.natural import natural
from netforge.services.web.static.page import page
from netforge.services.web.static.style import STYLE
from netforge.services.web.static.tree import Row
from tests.services.web.static.conftest import Served, put

Serve = Callable[..., Served]


class Reading(HTMLParser):
    """What is on a page.

    :ivar links: the links of the rows, with their texts.
    :ivar tags: every tag that there is.
    """

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.heading = self.summary = ""
        self._path: list[str] = []
        self.feed(html.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self._path.append(tag)
        if tag == "a" and "tbody" in self._path:
            self.links.append((dict(attrs)["href"] or "", ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._path.pop() == tag

    def handle_data(self, data: str) -> None:
        if "a" in self._path and "tbody" in self._path:
            href, text = self.links[-1]
            self.links[-1] = href, text + data
        elif "h1" in self._path:
            self.heading += data
        elif "p" in self._path:
            self.summary += data

    @property
    def names(self) -> list[str]:
        return [text for _, text in self.links]


def shown(*rows: Row, mount: str = "", path: str = "/", query: str = "", more: int = 0) -> Reading:
    return Reading(page(mount, path, rows, more, query)[1])


def row(name: str, size: int = 0, modified: float = 0.0, *, folder: bool = False) -> Row:
    return Row(name, folder, size, modified)


def test_a_folder_is_shown_only_if_it_is_to_be(serve: Serve, root: Path) -> None:
    put(root / "file", b"hello")
    assert serve().ask("/").status == 404


def test_a_folder(serve: Serve, root: Path) -> None:
    put(root / "sub" / "file 1.txt", b"x" * 2500)
    put(root / "sub" / ".hidden", b"secret")
    put(root / "sub" / "inner" / "file", b"")
    (root / "sub" / "within").symlink_to("file 1.txt")
    (root / "sub" / "outside").symlink_to("/etc/passwd")
    os.mkfifo(root / "sub" / "fifo")
    os.close(os.open(os.fsencode(root / "sub") + b"/\xff", os.O_CREAT))
    served = serve(listing=True, mount="/files")
    assert served.ask("/files/sub").fields["location"] == "/files/sub/"
    answer = served.ask("/files/sub/")
    assert (answer.status, answer.fields["content-type"]) == (200, "text/html; charset=utf-8")
    found = Reading(answer.body)
    assert found.links == [
        ("../", ".."),
        ("inner/", "inner/"),
        ("file%201.txt", "file 1.txt"),
        ("within", "within"),
    ]
    assert found.heading == "Index of /files/sub"
    assert found.summary == "1 folder · 2 files · 5.0 kB · times in UTC"
    assert b'<td class="size">2.5 kB</td>' in answer.body
    assert b'<time datetime="2020-01-01T00:00:00Z">2020-01-01 00:00</time>' in answer.body
    assert served.ask("/files/sub/", "HEAD").fields["content-length"] == str(len(answer.body))
    assert served.ask("/files/sub/file%201.txt").status == 200
    assert served.ask("/files/absent/").status == 404


def test_an_index_comes_before_the_page(serve: Serve, root: Path) -> None:
    put(root / "index.html", b"index")
    assert serve(listing=True).ask("/").body == b"index"


def test_a_large_folder_is_not_shown_whole(serve: Serve, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        put(root / f"{number}", b"")
    monkeypatch.setattr("netforge.services.web.static.site.MOST_ROWS", 3)
    found = Reading(serve(listing=True).ask("/").body)
    assert len(found.links) == 3
    assert found.summary.endswith("2 more are not shown · times in UTC")


def test_an_empty_folder() -> None:
    assert shown().links == []
    assert shown().summary == "This folder is empty."


def test_the_way_to_a_folder() -> None:
    html = page("/files", "/a/b&/c/", [], 0, "")[1].decode()
    way = re.search("<h1>(.*)</h1>", html)
    assert way
    assert re.findall('href="(.*?)"', way[1]) == ["../../../", "../../", "../"]
    assert shown(mount="/files", path="/a/b&/c/").heading == "Index of /files/a/b&/c"


ROWS = [row("b10", 1, 30), row("B9", 3, 20), row("a", 2, 10), row("z", folder=True), row("y", folder=True)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["y/", "z/", "a", "B9", "b10"]),
        ("sort=name", ["y/", "z/", "a", "B9", "b10"]),
        ("sort=-name", ["z/", "y/", "b10", "B9", "a"]),
        ("sort=size", ["y/", "z/", "b10", "a", "B9"]),
        ("sort=-size", ["y/", "z/", "B9", "a", "b10"]),
        ("sort=-modified", ["y/", "z/", "b10", "B9", "a"]),
        ("sort=<script>", ["y/", "z/", "a", "B9", "b10"]),
    ],
)
def test_the_order(query: str, names: list[str]) -> None:
    assert shown(*ROWS, query=query).names == names


def test_folders_keep_the_order() -> None:
    found = shown(row("a", folder=True), query="sort=size", path="/x/")
    assert found.links == [("../?sort=size", ".."), ("a/?sort=size", "a/")]


@pytest.mark.parametrize(("order", "links"), [("name", "-name -size -modified"), ("-size", "name size -modified")])
def test_the_heads_sort(order: str, links: str) -> None:
    html = page("", "/", [], 0, f"sort={order}")[1].decode()
    assert re.findall(r'href="\?sort=(.*?)"', html) == links.split()
    assert len(re.findall("<th[^>]* aria-sort=", html)) == 1


NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: not name.startswith(".")
)


@given(NAME)
def test_no_name_becomes_part_of_the_page(name: str) -> None:
    plain = shown(row("a"), path="/a/")
    found = shown(row(name), path=f"/{name}/")
    assert found.tags == plain.tags
    assert unquote(found.links[1][0]) == name
    # So it is a path, whatever is in it, and no scheme.
    assert re.fullmatch(r"[A-Za-z0-9._~%-]+", found.links[1][0])


def test_a_name_does_not_look_like_another_one() -> None:
    assert shown(row("photo\u202egpj.exe")).names == ["photo\ufffdgpj.exe"]


def test_the_page_can_do_nothing() -> None:
    fields, body = page("", "/", ROWS, 0, "")
    policy = dict(fields)[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert STYLE.encode() in body
    assert b"style=" not in body


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9951, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1 << 30, "1.1 GB"),
        (2 * 10**15, "2.0 PB"),
    ],
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert f'<td class="size">{text}</td>' in page("", "/", [row("a", size)], 0, "")[1].decode()


@given(st.lists(NAME))
def test_names_have_one_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural)
    names.reverse()
    assert sorted(names, key=natural) == ordered
