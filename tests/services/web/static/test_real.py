"""A folder as curl sees it."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.threads import deferToThreadPool

from netforge.protocols.http import HTTPFactory
from netforge.services.web.static import StaticFiles, StaticSettings
from tests.conftest import Drive
from tests.services.web.static.conftest import put

pytestmark = pytest.mark.real

LARGE = Random(1).randbytes(3_000_000)


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> None:
    """Not here: the reactor ends before what is kept open for a moment is let go."""


def test_curl(drive_each: Drive, root: Path, tmp_path: Path) -> None:
    put(root / "large.bin", LARGE)
    put(root / "page.html", b"netforge " * 5000)
    put(root / "app.js", b"plain")
    put(root / "app.js.gz", gzip.compress(b"compressed"))

    async def scenario(reactor: Any) -> None:
        files = StaticFiles(StaticSettings(root=root), reactor, Random(1))
        port = reactor.listenTCP(0, HTTPFactory(files, reactor), interface="127.0.0.1")
        await deferToThreadPool(reactor, reactor.getThreadPool(), asks, port.getHost().port, tmp_path)
        await port.stopListening()

    drive_each(scenario)


def asks(port: int, folder: Path) -> None:
    """What curl asks for, in a thread."""

    def curl(path: str, *options: str) -> bytes:
        command = ["curl", "-sS", "--max-time", "20", *options, f"http://127.0.0.1:{port}{path}"]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    for version in ("--http1.1", "--http2-prior-knowledge"):
        assert curl("/large.bin", version) == LARGE
        assert curl("/page.html", version, "--compressed") == b"netforge " * 5000
        assert curl("/app.js", version, "--compressed") == b"compressed"
        assert curl("/app.js", version) == b"plain"
        assert curl("/large.bin", version, "-r", "1000000-1999999") == LARGE[1_000_000:2_000_000]
        assert curl("/large.bin", version, "-r", "0-1,-2").count(b"Content-Range: bytes ") == 2
        assert curl("/large.bin", version, "-I").startswith(b"HTTP/")

        partial = folder / "partial"
        partial.write_bytes(LARGE[:1_234_567])
        curl("/large.bin", version, "-C", "-", "-o", str(partial))
        assert partial.read_bytes() == LARGE

    tags, copy = folder / "etag", folder / "copy"
    for status in (b"200", b"304"):
        options = ["--etag-save", str(tags), "--etag-compare", str(tags), "-o", str(copy), "-w", "%{http_code}"]
        assert curl("/large.bin", *options) == status
    modified = ["-z", str(copy), "-o", os.devnull, "-w", "%{http_code}"]
    assert curl("/large.bin", *modified) == b"304"
