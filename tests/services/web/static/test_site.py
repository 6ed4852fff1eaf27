"""A folder over HTTP, on the simulated network."""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zstandard

from netforge.services.web.static import StaticSettings
from netforge.services.web.static.shelf import FRESH, SMALL
from tests.services.web.static.conftest import CHANGED, Served, put

Serve = Callable[..., Served]

LARGE = bytes(range(256)) * 4096
DATE = "Wed, 01 Jan 2020 00:00:00 GMT"
TEXT = b"netforge serves files " * 200


@pytest.fixture(params=[b"hello, world", LARGE], ids=["small", "large"])
def data(request: pytest.FixtureRequest) -> bytes:
    content: bytes = request.param
    return content


def test_a_file(serve: Serve, root: Path, data: bytes) -> None:
    put(root / "file.bin", data)
    answer = serve().ask("/file.bin")
    assert (answer.status, answer.body) == (200, data)
    assert answer.fields["content-type"] == "application/octet-stream"
    assert answer.fields["content-length"] == str(len(data))
    assert answer.fields["last-modified"] == DATE
    assert answer.fields["accept-ranges"] == "bytes"
    assert "cache-control" not in answer.fields
    assert "vary" not in answer.fields
    assert answer.fields["etag"].startswith('"')


def test_head_says_what_get_would(serve: Serve, root: Path, data: bytes) -> None:
    put(root / "file.bin", data)
    served = serve()
    got, head = served.ask("/file.bin"), served.ask("/file.bin", "HEAD")
    assert (head.status, head.fields, head.body) == (200, got.fields, b"")
    # Range is for GET alone.
    assert served.ask("/file.bin", "HEAD", range="bytes=0-1").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_files_are_only_read(serve: Serve, root: Path, method: str) -> None:
    put(root / "file", b"hello")
    answer = serve().ask("/file", method)
    assert (answer.status, answer.fields["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_options(serve: Serve, root: Path) -> None:
    answer = serve().ask("/file", "OPTIONS")
    assert (answer.status, answer.fields["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_an_empty_file(serve: Serve, root: Path) -> None:
    put(root / "empty.txt", b"")
    answer = serve().ask("/empty.txt", range="bytes=-5")
    assert (answer.status, answer.fields["content-length"], answer.body) == (200, "0", b"")


@pytest.mark.parametrize("path", ["/absent", "/file/", "/file/more", "/.env", "/sub", "/sub/", "//file", "/a%5Cb"])
def test_what_is_not_there(serve: Serve, root: Path, path: str) -> None:
    put(root / "file", b"hello")
    put(root / ".env", b"secret")
    put(root / "sub" / "file", b"hello")
    answer = serve().ask(path)
    assert (answer.status, answer.body) == (404, b"404 Not Found\n")


@pytest.mark.parametrize("path", ["/../file", "/%2e%2e/file", "/sub%2Ffile", "/%00", "/%ff"])
def test_what_can_be_read_in_two_ways(serve: Serve, path: str) -> None:
    assert serve().ask(path).status == 400


def test_a_name_of_any_language(serve: Serve, root: Path) -> None:
    put(root / "ein Tag.txt", b"day")
    put(root / "日本.txt", b"japan")
    served = serve()
    assert served.ask("/ein%20Tag.txt").body == b"day"
    assert served.ask("/%E6%97%A5%E6%9C%AC.txt").body == b"japan"


def test_what_may_not_be_read_is_forbidden(serve: Serve, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root / "file", b"hello")
    served = serve()
    stat = os.stat

    def refused(path: Any, **options: Any) -> os.stat_result:
        if path == "file":
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refused)
    answer = served.ask("/file")
    assert (answer.status, answer.body) == (403, b"403 Forbidden\n")
    monkeypatch.undo()
    assert served.ask("/file").status == 200


def test_a_file_that_goes_in_the_moment_since_it_was_found(
    serve: Serve, root: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(root / "file", data)
    served = serve()
    look = served.application._reader.look

    def found(asked: str) -> Any:
        known = look(asked)
        path.unlink()
        return known

    monkeypatch.setattr(served.application._reader, "look", found)
    assert served.ask("/file").status == 404


# Folders.


@pytest.mark.parametrize("mount", ["", "/files"])
def test_a_folder_is_its_index(serve: Serve, root: Path, mount: str) -> None:
    put(root / "index.html", b"root")
    put(root / "a b" / "index.html", b"inner")
    served = serve(mount=mount)
    assert served.ask(f"{mount}/").body == b"root"
    assert served.ask(f"{mount}/a%20b/").body == b"inner"
    moved = served.ask(f"{mount}/a%20b?x=/y")
    assert (moved.status, moved.fields["location"]) == (301, f"{mount}/a%20b/?x=/y")


def test_a_mount_without_its_slash(serve: Serve, root: Path) -> None:
    put(root / "index.html", b"root")
    moved = serve(mount="/files").ask("/files")
    assert (moved.status, moved.fields["location"]) == (301, "/files/")


def test_a_target_with_a_host(serve: Serve, root: Path) -> None:
    put(root / "index.html", b"root")
    put(root / "sub" / "index.html", b"sub")
    served = serve()
    assert served.ask("http://server").body == b"root"
    assert served.ask("http://server/sub").fields["location"] == "/sub/"


def test_no_redirect_leads_to_another_host(serve: Serve, root: Path) -> None:
    put(root / "example.org" / "index.html", b"hello")
    served = serve()
    for target in ("//example.org", "///example.org", "/%5Cexample.org", "http://server//example.org"):
        assert served.ask(target).status == 404


def test_the_first_index_that_there_is(serve: Serve, root: Path) -> None:
    put(root / "index.htm", b"second")
    (root / "index.html").mkdir()
    assert serve(index=["index.html", "index.htm", "other"]).ask("/").body == b"second"


# Conditions and parts.


def test_what_has_not_changed_is_not_sent(serve: Serve, root: Path, data: bytes) -> None:
    put(root / "file.html", data)
    served = serve(max_age=60)
    etag = served.ask("/file.html").fields["etag"]
    for condition in ({"if_none_match": etag}, {"if_modified_since": DATE}):
        for method in ("GET", "HEAD"):
            answer = served.ask("/file.html", method, **condition)
            assert (answer.status, answer.body) == (304, b"")
            assert (answer.fields["etag"], answer.fields["cache-control"]) == (etag, "max-age=60")
            assert "content-length" not in answer.fields
            assert ("vary" in answer.fields) is (len(data) > 1024)
    assert served.ask("/file.html", if_match=etag).body == data
    assert served.ask("/file.html", if_match='"other"').status == 412


def test_conditions_do_not_hide_what_is_not_there(serve: Serve) -> None:
    assert serve().ask("/absent", if_match="*", if_none_match="*").status == 404


def test_a_part(serve: Serve, root: Path, data: bytes) -> None:
    put(root / "file.bin", data)
    answer = serve().ask("/file.bin", range="bytes=3-6")
    assert (answer.status, answer.body) == (206, data[3:7])
    assert answer.fields["content-range"] == f"bytes 3-6/{len(data)}"
    assert answer.fields["content-type"] == "application/octet-stream"


def test_several_parts(serve: Serve, root: Path, data: bytes) -> None:
    put(root / "file.txt", data)
    answer = serve(compress=0).ask("/file.txt", range="bytes=-2,0-2,1-3")
    kind, boundary = answer.fields["content-type"].split("; boundary=")
    assert (answer.status, kind) == (206, "multipart/byteranges")
    assert "content-range" not in answer.fields
    size = len(data)
    assert answer.body.split(f"\r\n--{boundary}".encode()) == [
        b"",
        b"\r\nContent-Type: text/plain; charset=utf-8\r\n"
        + f"Content-Range: bytes {size - 2}-{size - 1}/{size}\r\n\r\n".encode()
        + data[-2:],
        b"\r\nContent-Type: text/plain; charset=utf-8\r\n"
        + f"Content-Range: bytes 0-3/{size}\r\n\r\n".encode()
        + data[:4],
        b"--\r\n",
    ]
    assert answer.fields["content-length"] == str(len(answer.body))


def test_a_part_that_is_not_there(serve: Serve, root: Path, data: bytes) -> None:
    put(root / "file.bin", data)
    answer = serve().ask("/file.bin", range=f"bytes={len(data)}-")
    assert (answer.status, answer.fields["content-range"]) == (416, f"bytes */{len(data)}")


def test_a_part_of_another_version_is_the_whole(serve: Serve, root: Path, data: bytes) -> None:
    put(root / "file.bin", data)
    served = serve()
    etag = served.ask("/file.bin").fields["etag"]
    assert served.ask("/file.bin", range="bytes=0-1", if_range=etag).status == 206
    assert served.ask("/file.bin", range="bytes=0-1", if_range=DATE).status == 206
    answer = served.ask("/file.bin", range="bytes=0-1", if_range='"other"')
    assert (answer.status, answer.body) == (200, data)


def test_every_version_has_a_tag_of_its_own(serve: Serve, root: Path) -> None:
    served = serve()
    tags = set()
    for content, changed in ((b"one", CHANGED), (b"two", CHANGED), (b"two", CHANGED + 1), (b"three", CHANGED + 1)):
        # A new file each time, as tools make it that replace files.
        put(root / "new", content, changed).rename(root / "file.bin")
        tags.add(served.ask("/file.bin").fields["etag"])
        served.network.run(FRESH * 2)
    assert len(tags) == 4


def test_no_file_was_changed_later_than_now(serve: Serve, root: Path) -> None:
    served = serve()
    put(root / "file", b"hello", served.network.schedule.now + 1_000_000)
    answer = served.ask("/file")
    assert answer.fields["last-modified"] <= answer.fields["date"]
    assert answer.fields["last-modified"][:-7] == answer.fields["date"][:-7]


# Codings.


def test_a_file_beside_it_that_is_compressed(serve: Serve, root: Path) -> None:
    put(root / "app.js", LARGE)
    for suffix in ("br", "zst", "gz"):
        put(root / f"app.js.{suffix}", f"<{suffix}>".encode())
    served = serve()
    for accepted, coding, content in [
        ("gzip, deflate, br, zstd", "br", b"<br>"),
        ("gzip, zstd", "zstd", b"<zst>"),
        ("gzip, br;q=0.5", "gzip", b"<gz>"),
    ]:
        answer = served.ask("/app.js", accept_encoding=accepted)
        assert (answer.fields["content-encoding"], answer.body) == (coding, content)
        assert answer.fields["content-type"] == "text/javascript; charset=utf-8"
        assert answer.fields["vary"] == "accept-encoding"
    assert served.ask("/app.js", accept_encoding="br", range="bytes=1-2").body == b"br"
    plain = served.ask("/app.js", accept_encoding="identity")
    assert (plain.body, plain.fields["vary"]) == (LARGE, "accept-encoding")
    assert "content-encoding" not in plain.fields
    assert served.ask("/app.js.gz").fields["content-type"] == "application/gzip"
    assert len({served.ask("/app.js", accept_encoding=one).fields["etag"] for one in ("br", "zstd", "gzip", "")}) == 4


def test_an_older_file_beside_it_is_not_sent(serve: Serve, root: Path) -> None:
    put(root / "app.bin", b"new" * 100)
    put(root / "app.bin.gz", b"old", CHANGED - 1)
    assert serve().ask("/app.bin", accept_encoding="gzip").body == b"new" * 100


def test_files_beside_it_can_be_left_alone(serve: Serve, root: Path) -> None:
    put(root / "app.bin", b"plain")
    put(root / "app.bin.gz", b"compressed")
    assert serve(precompressed=False).ask("/app.bin", accept_encoding="gzip").body == b"plain"


def test_text_is_compressed_when_it_is_asked_for(serve: Serve, root: Path) -> None:
    put(root / "page.html", TEXT)
    served = serve()
    brotli = pytest.importorskip("brotli")
    for coding, decompress in {
        "gzip": gzip.decompress,
        "br": brotli.decompress,
        "zstd": zstandard.decompress,
    }.items():
        answer = served.ask("/page.html", accept_encoding=coding)
        assert (answer.status, answer.fields["content-encoding"]) == (200, coding)
        assert decompress(answer.body) == TEXT
        assert (answer.fields["vary"], answer.fields["etag"][:2]) == ("accept-encoding", "W/")
        assert "accept-ranges" not in answer.fields
        assert served.ask("/page.html", accept_encoding=coding, if_none_match=answer.fields["etag"]).status == 304
        assert served.ask("/page.html", accept_encoding=coding, if_match=answer.fields["etag"]).status == 412
        assert served.ask("/page.html", if_none_match=answer.fields["etag"]).status == 200
    plain = served.ask("/page.html")
    assert (plain.body, plain.fields["vary"]) == (TEXT, "accept-encoding")


def test_parts_are_never_of_what_is_compressed_afresh(serve: Serve, root: Path) -> None:
    put(root / "page.html", TEXT)
    answer = serve().ask("/page.html", accept_encoding="gzip", range="bytes=0-8")
    assert (answer.status, answer.body) == (206, TEXT[:9])


@pytest.mark.parametrize(
    ("name", "content", "settings"),
    [
        ("page.html", TEXT, {"compress": 0}),
        ("page.html", TEXT, {"compress": len(TEXT) - 1}),
        ("page.html", TEXT[:1000], {}),
        ("page.png", TEXT, {}),
    ],
)
def test_what_is_not_compressed(serve: Serve, root: Path, name: str, content: bytes, settings: dict[str, int]) -> None:
    put(root / name, content)
    answer = serve(**settings).ask(f"/{name}", accept_encoding="gzip")
    assert answer.body == content
    assert "vary" not in answer.fields


def test_what_does_not_become_smaller_is_sent_as_it_is(serve: Serve, root: Path) -> None:
    noise = Random(1).randbytes(4000)
    put(root / "page.html", noise)
    served = serve()
    for _ in range(2):
        answer = served.ask("/page.html", accept_encoding="gzip")
        assert answer.body == noise
        assert "content-encoding" not in answer.fields


# What browsers keep.


def test_what_browsers_may_keep(serve: Serve, root: Path) -> None:
    put(root / "index.html", b"page")
    put(root / "assets" / "js" / "app.1a2b.js", b"code")
    served = serve(max_age=0, immutable=["assets/*"])
    assert served.ask("/").fields["cache-control"] == "max-age=0"
    assert served.ask("/assets/js/app.1a2b.js").fields["cache-control"] == "max-age=31536000, immutable"


def test_types_of_ones_own(serve: Serve, root: Path) -> None:
    put(root / "file.own", b"hello")
    assert serve(types={"own": "text/x-own"}).ask("/file.own").fields["content-type"] == "text/x-own; charset=utf-8"


# Pages that are made in the browser.


def test_a_page_that_is_not_there_is_the_fallback(serve: Serve, root: Path) -> None:
    put(root / "index.html", b"application")
    served = serve(fallback="index.html")
    for path in ("/users/7", "/users/", "/a.b"):
        answer = served.ask(path, accept="text/html,*/*;q=0.8")
        assert (answer.status, answer.body, answer.fields["vary"]) == (200, b"application", "accept")
    answer = served.ask("/app.js", accept="*/*")
    assert (answer.status, answer.fields["vary"]) == (404, "accept")
    assert served.ask("/.env", accept="text/html").status == 404


def test_without_the_fallback_there_is_nothing(serve: Serve) -> None:
    assert serve(fallback="index.html").ask("/", accept="text/html").status == 404


# Settings.


@pytest.mark.parametrize(
    "settings", [{"index": ["../x"]}, {"index": ["/x"]}, {"fallback": "a//b"}, {"types": {"a": "b"}}]
)
def test_settings_that_are_wrong(root: Path, settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        StaticSettings.model_validate({"root": root, **settings})


def test_a_file_is_large_beyond_what_is_kept() -> None:
    assert len(LARGE) > SMALL
