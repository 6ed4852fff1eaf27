"""Large files: in pieces, as the client takes them."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from netforge.services.web.static import sending, shelf
from netforge.services.web.static.sending import PIECE
from netforge.services.web.static.shelf import FRESH
from tests.services.web.static.conftest import Response, Served, open_below, put, request

Serve = Callable[..., Served]

SIZE = 50_000_000


@pytest.fixture
def huge(root: Path) -> Path:
    """A file of 50 MB that takes no room on the disk."""
    path = put(root / "huge", b"")
    os.truncate(path, SIZE)
    return path


@pytest.fixture(params=["memory", "disk"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the system has the file in memory."""
    name: str = request.param
    if name == "disk":

        def would_block(*arguments: object) -> int:
            raise BlockingIOError

        monkeypatch.setattr(os, "preadv", would_block)
    return name


def test_a_large_file(serve: Serve, root: Path, source: str) -> None:
    data = bytes(n * n % 251 for n in range(2 * PIECE + 17))
    put(root / "file", data)
    served = serve()
    assert served.ask("/file").body == data
    assert served.ask("/file", range=f"bytes={PIECE - 3}-{PIECE + 3}").body == data[PIECE - 3 : PIECE + 4]
    # Once to look and once to open. Pieces are read in threads only if they must be.
    assert served.threads == (2 if source == "memory" else 2 + 4)


def test_parts_of_a_page_are_in_memory(serve: Serve, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(n * n % 251 for n in range(2 * PIECE + 17))
    put(root / "file", data)
    preadv = os.preadv

    def some(descriptor: int, buffers: Any, *rest: int) -> int:
        return preadv(descriptor, [buffers[0][:1000]], *rest)

    monkeypatch.setattr(os, "preadv", some)
    assert serve().ask("/file").body == data


def test_where_the_system_cannot_tell_threads_read(serve: Serve, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_AT_ONCE", None)
    put(root / "file", b"x" * 300_000)
    assert serve().ask("/file").body == b"x" * 300_000


def test_a_client_that_does_not_read_is_waited_for(serve: Serve, huge: Path, source: str) -> None:
    served = serve()
    peer = served.connect()
    peer.pause()
    peer.send(request("/huge"))
    tracemalloc.start()
    served.network.run(5)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
    assert open_below(served.root) == [huge]
    peer.resume()
    peer.receive(SIZE)
    served.network.run(FRESH * 2)
    assert open_below(served.root) == []


def test_a_file_is_open_once_for_all_and_a_moment_longer(serve: Serve, huge: Path) -> None:
    served = serve()
    peers = []
    for _ in range(3):
        peers.append(served.connect())
        peers[-1].send(request("/huge"))
        peers[-1].receive(1000)
        peers[-1].pause()
    assert open_below(served.root) == [huge]
    for peer in peers:
        served.network.run(FRESH * 2)
        assert open_below(served.root) == [huge]
        peer.reset()
    served.network.run(1)
    assert open_below(served.root) == []


def test_only_so_many_files_are_kept_open(serve: Serve, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST_OPEN", 2)
    served = serve()
    for number in range(4):
        put(root / f"{number}", b"x" * 100_000)
        served.ask(f"/{number}")
    assert sorted(open_below(root)) == [root / "0", root / "1"]
    served.network.run(FRESH * 2)
    assert open_below(root) == []
    served.ask("/3")
    assert open_below(root) == [root / "3"]


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_client_that_goes_away_leaves_nothing_open(serve: Serve, huge: Path, source: str, how: str) -> None:
    served = serve()
    peer = served.connect()
    peer.send(request("/huge"))
    peer.receive(1_000_000)
    peer.pause()
    served.network.run(1)
    assert open_below(served.root) == [huge]
    getattr(peer, how)()
    served.network.run(1)
    assert open_below(served.root) == []


def test_a_client_that_went_before_the_file_was_open_leaves_nothing_open(
    serve: Serve, huge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve()
    peer = served.connect()
    opening, gone = Event(), Event()
    original = served.application._reader.open

    def late(*arguments: Any) -> Any:
        opening.set()
        gone.wait()
        return original(*arguments)

    monkeypatch.setattr(served.application._reader, "open", late)
    peer.send(request("/huge"))
    served.network.run(1)
    assert opening.is_set()
    peer.reset()
    gone.set()
    served.network.run(1)
    assert open_below(served.root) == []


def test_a_file_that_becomes_shorter_is_cut_off(serve: Serve, huge: Path, source: str) -> None:
    served = serve()
    peer = served.connect()
    peer.send(request("/huge"))
    peer.receive(1_000_000)
    os.truncate(huge, 2_000_000)
    received = peer.receive_all()
    assert len(received) < SIZE - 1_000_000
    assert peer.cut
    assert [failure.type for failure in served.network.failures] == [EOFError]
    served.network.failures.clear()


def test_head_of_a_large_file_reads_nothing(serve: Serve, huge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "preadv", None)
    monkeypatch.setattr(os, "pread", None)
    answer = serve().ask("/huge", "HEAD")
    assert (answer.status, answer.fields["content-length"], answer.body) == (200, str(SIZE), b"")


def test_requests_one_after_the_other(serve: Serve, root: Path) -> None:
    data = b"x" * 100_000
    put(root / "large", data)
    put(root / "small", b"small")
    peer = serve().connect()
    peer.send(request("/large") + request("/small") + request("/large", connection="close"))
    received = peer.receive_all()
    assert received.count(data) == 2
    assert received.count(b"\r\n\r\nsmall") == 1
    assert Response.of(received).status == 200
