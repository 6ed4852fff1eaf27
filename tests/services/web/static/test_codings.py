"""Which coding a client gets, by RFC 9110, section 12.5.3."""

from __future__ import annotations

import gzip
import sys

import pytest
import zstandard

from netforge.services.web.static.codings import compressors, qualities, wants_html
from netforge.services.web.static.kinds import Kinds, is_compressible


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        (None, {}),
        (b"", {}),
        (b"gzip", {"gzip": 1}),
        (b"GZIP;Q=0.5", {"gzip": 0.5}),
        (b"x-gzip", {"gzip": 1}),
        (b"gzip;q=0, x-gzip", {}),
        (b"gzip, deflate, br, zstd", {"br": 1, "zstd": 1, "gzip": 1}),
        (b"br ; q=0.1 ,\tgzip;q=0.9", {"br": 0.1, "gzip": 0.9}),
        (b"*", {"br": 1, "zstd": 1, "gzip": 1}),
        (b"*;q=0.2, br;q=0", {"zstd": 0.2, "gzip": 0.2}),
        (b"identity, gzip;q=0.5", {}),
        (b"identity, gzip", {"gzip": 1}),
        (b"identity;q=0, gzip;q=0.1", {"gzip": 0.1}),
        (b"identity;q=0", {}),
        (b"gzip;q=2, br;q=x", {}),
        (b";,;q=1,gzip", {"gzip": 1}),
        (b"\xff\xfe, gzip", {"gzip": 1}),
    ],
)
def test_what_a_client_takes_rather_than_none(accepted: bytes | None, wanted: dict[str, float]) -> None:
    assert qualities(accepted) == wanted


@pytest.mark.parametrize(
    ("accepted", "wants"),
    [
        (None, False),
        (b"*/*", False),
        (b"text/*", False),
        (b"application/json, text/html;q=0", False),
        (b"text/html", True),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
    ],
)
def test_who_wants_a_page_says_so(accepted: bytes | None, wants: bool) -> None:
    assert wants_html(accepted) is wants


def test_what_is_compressed_is_what_it_was() -> None:
    data = b"netforge " * 1000
    made = {coding: compress(data) for coding, compress in compressors().items()}
    brotli = pytest.importorskip("brotli")
    assert [*made] == ["br", "zstd", "gzip"]
    assert max(map(len, made.values())) < 200
    assert brotli.decompress(made["br"]) == data
    assert zstandard.decompress(made["zstd"]) == data
    assert gzip.decompress(made["gzip"]) == data
    assert made["gzip"] == compressors()["gzip"](data)


def test_without_the_libraries_there_is_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert [*compressors()] == ["gzip"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", b"text/html; charset=utf-8"),
        ("A.HTML", b"text/html; charset=utf-8"),
        ("a.min.js", b"text/javascript; charset=utf-8"),
        ("a.mjs", b"text/javascript; charset=utf-8"),
        ("a.css", b"text/css; charset=utf-8"),
        ("a.json", b"application/json"),
        ("a.svg", b"image/svg+xml"),
        ("a.wasm", b"application/wasm"),
        ("a.woff2", b"font/woff2"),
        ("a.webp", b"image/webp"),
        ("a.tar.gz", b"application/gzip"),
        ("a.pdf", b"application/pdf"),
        ("README", b"application/octet-stream"),
        ("html", b"application/octet-stream"),
        ("a.unheard-of", b"application/octet-stream"),
        ("a.own", b"text/x-own; charset=latin-1"),
    ],
)
def test_the_type_of_a_file(name: str, kind: bytes) -> None:
    assert Kinds({".OWN": "text/x-own; charset=latin-1"}).of(name) == kind


def test_what_is_worth_being_compressed() -> None:
    kinds = Kinds({})
    for end in ("html", "css", "js", "json", "svg", "wasm", "xml", "ttf"):
        assert is_compressible(kinds.of(f"a.{end}"))
    for end in ("png", "jpg", "woff2", "gz", "zip", "mp4", "bin"):
        assert not is_compressible(kinds.of(f"a.{end}"))
