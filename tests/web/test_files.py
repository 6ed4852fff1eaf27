"""Files as answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from netforge.testing import Network, WebClient
from netforge.web import File, Site
from tests.web.asking import ask, network_peer, open_files

CONTENT = bytes(range(256)) * 2000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "assets"
    (root / "in").mkdir(parents=True)
    (root / "in" / "index.html").write_text("<p>index")
    (root / "style.css").write_text("p {}")
    (root / ".secret").write_text("secret")
    (tmp_path / "outside").write_text("outside")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "round").symlink_to(root / "round")
    (root / "hidden").symlink_to(root / ".secret")
    (root / "same.css").symlink_to(root / "style.css")
    return root


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(CONTENT)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_a_file_is_sent(network: Network, file: Path) -> None:
    before = open_files()
    answer = ask(network, lambda: File(file))
    assert (answer.status, answer.body) == (200, CONTENT)
    said = {name: answer.header(name) for name in ("content-type", "last-modified", "accept-ranges")}
    assert [*said.values()] == ["image/png", "Tue, 14 Nov 2023 22:13:20 GMT", "bytes"]
    assert answer.header("x-content-type-options") == "nosniff"
    assert open_files() == before


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=5-", 206, (5, 512000)),
        ("bytes=-5", 206, (511995, 512000)),
        ("bytes=-999999", 206, (0, 512000)),
        ("bytes=511999-600000", 206, (511999, 512000)),
        ("bytes=512000-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-4", 200, None),
        ("bytes=-", 200, None),
        ("bytes=0-1,3-4", 200, None),
        ("lines=0-1", 200, None),
        ("bytes=" + "9" * 100 + "-", 200, None),
    ],
)
def test_a_part_is_sent(network: Network, file: Path, asked: str, status: int, part: tuple[int, int] | None) -> None:
    answer = ask(network, lambda: File(file), headers={"Range": asked})
    assert answer.status == status
    if part:
        start, stop = part
        assert answer.header("content-range") == f"bytes {start}-{stop - 1}/512000"
        assert answer.body == CONTENT[start:stop]
    elif status == 416:
        assert answer.header("content-range") == "bytes */512000"
    else:
        assert answer.body == CONTENT


def test_what_the_client_has_is_not_sent(network: Network, file: Path) -> None:
    site = Site()
    site.get("/")(lambda: File(file, fields=[(b"Cache-Control", b"no-cache")]))
    client = WebClient(network, site)
    whole = client.get("/")
    tag, modified = str(whole.header("etag")), str(whole.header("last-modified"))

    def status(**headers: str) -> int:
        return client.get("/", headers={name.replace("_", "-"): value for name, value in headers.items()}).status

    known = client.get("/", headers={"if-none-match": f'"x", W/{tag}'})
    assert (known.status, known.body, known.header("etag"), known.header("cache-control")) == (
        304,
        b"",
        tag,
        "no-cache",
    )
    assert status(if_none_match="*") == 304
    assert status(if_none_match='"x"') == 200
    assert status(if_modified_since=modified) == 304
    assert status(if_none_match='"x"', if_modified_since=modified) == 200
    assert status(if_modified_since="Tue, 14 Nov 2023 22:13:19 GMT") == 200
    assert status(if_modified_since="yesterday") == 200
    assert status(range="bytes=0-1", if_range=tag) == 206
    assert status(range="bytes=0-1", if_range=modified) == 206
    assert status(range="bytes=0-1", if_range='"x"') == 200
    file.write_bytes(b"new")
    assert status(if_none_match=tag) == 200


def test_head_says_the_same_of_it(network: Network, file: Path) -> None:
    answer = ask(network, lambda: File(file), method="HEAD")
    assert (answer.status, answer.header("content-length"), answer.body) == (200, "512000", b"")


@pytest.mark.parametrize("name", ["nothing", "a.png/a", "folder", "pipe"])
def test_what_is_no_file_is_not_there(network: Network, file: Path, name: str) -> None:
    (file.parent / "folder").mkdir()
    os.mkfifo(file.parent / "pipe")
    before = open_files()
    assert ask(network, lambda: File(file.parent / name)).status == 404
    assert open_files() == before


def test_an_empty_file_is_sent(network: Network, file: Path) -> None:
    file.write_bytes(b"")
    answer = ask(network, lambda: File(file))
    assert (answer.status, answer.body) == (200, b"")


def test_a_client_that_vanishes_leaves_no_file_open(network: Network, file: Path) -> None:
    before = open_files()
    file.write_bytes(CONTENT * 10)
    site = Site()
    site.get("/")(lambda: File(file))
    peer = network_peer(network, site)
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    peer.receive_until(b"\r\n")
    peer.reset()
    network.run(5)
    assert open_files() == before


def test_a_file_that_becomes_shorter_cuts_the_response(network: Network, file: Path) -> None:
    file.write_bytes(CONTENT * 10)
    site = Site()
    site.get("/")(lambda: File(file))
    peer = network_peer(network, site)
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    peer.receive_until(b"\r\n\r\n")
    file.write_bytes(b"")
    network.run(60)
    assert "shorter" in str(network.failures.pop())


@pytest.mark.parametrize(
    ("options", "name", "said"),
    [
        ({}, "content-disposition", None),
        (
            {"download_name": 'a"b\n.txt'},
            "content-disposition",
            "attachment; filename=\"a_b_.txt\"; filename*=UTF-8''a%22b%0A.txt",
        ),
        (
            {"download_name": "ä.txt"},
            "content-disposition",
            "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%A4.txt",
        ),
        ({"media_type": "text/x"}, "content-type", "text/x"),
    ],
)
def test_a_file_is_called_something(network: Network, file: Path, options: Any, name: str, said: str | None) -> None:
    assert ask(network, lambda: File(file, **options)).header(name) == said


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.woff2", "font/woff2"),
        ("a.webp", "image/webp"),
        ("a.svg", "image/svg+xml"),
        ("a.tar.gz", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_ending_of_its_name_says_what_it_is(name: str, kind: str) -> None:
    assert (b"content-type", kind.encode()) in File(name).fields


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/assets/style.css", 200, "p {}"),
        ("/assets/same.css", 200, "p {}"),
        ("/assets/in/", 200, "<p>index"),
        ("/assets/in/index.html", 200, "<p>index"),
        ("/assets/in", 404, None),
        ("/assets/", 404, None),
        ("/assets", 404, None),
        ("/assets/.secret", 404, None),
        ("/assets/hidden", 404, None),
        ("/assets/out", 404, None),
        ("/assets/round", 404, None),
        ("/assets//style.css", 404, None),
        ("/assets/../outside", 400, None),
        ("/assets/%2e%2e/outside", 400, None),
        ("/assets/..%2foutside", 400, None),
        ("/assets/..%5coutside", 404, None),
        ("/assets/style.css/", 404, None),
        ("/assets/" + "a" * 300, 404, None),
        ("/assets/%00", 400, None),
    ],
)
def test_assets(network: Network, folder: Path, path: str, status: int, text: str | None) -> None:
    site = Site()
    site.assets("/assets", folder)
    answer = WebClient(network, site).get(path)
    assert answer.status == status
    if text is not None:
        assert answer.text == text
        assert answer.header("cache-control") == "no-cache"
    else:
        assert "side" not in answer.text


def test_assets_at_the_root_and_for_a_while(network: Network, folder: Path) -> None:
    site = Site()
    site.get("/own")(lambda: "own")
    site.assets("/", folder, max_age=60)
    client = WebClient(network, site)
    assert client.get("/style.css").header("cache-control") == "max-age=60"
    assert client.get("/own").text == "own"
    assert client.post("/style.css").status == 405


def test_assets_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        Site().assets("/assets", tmp_path / "nowhere")
