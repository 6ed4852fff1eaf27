"""What is kept in memory, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netforge.services.web.static import shelf as module
from netforge.services.web.static.opened import Opened
from netforge.services.web.static.shelf import FRESH, SETTLED, SMALL, THREADS
from tests.services.web.static.conftest import CHANGED, Response, Served, put, request

Serve = Callable[..., Served]


def shelf_of(served: Served) -> Any:
    return served.application._shelf


def test_a_small_file_needs_no_thread_for_a_while(serve: Serve, root: Path) -> None:
    put(root / "file.html", b"hello " * 1000)
    served = serve()
    for accepted in ("identity", "gzip"):
        served.ask("/file.html", accept_encoding=accepted)
    # To look, to read and to compress it.
    assert served.threads == 3
    for accepted in ("identity", "gzip"):
        served.ask("/file.html", accept_encoding=accepted)
    served.ask("/file.html", if_none_match="*", range="bytes=0-1")
    assert served.threads == 3


def test_after_a_while_it_is_looked_at_and_not_read_again(serve: Serve, root: Path) -> None:
    put(root / "file", b"hello")
    served = serve()
    served.ask("/file")
    served.network.run(FRESH * 2)
    assert served.ask("/file").body == b"hello"
    assert served.threads == 3


def test_a_change_is_seen_after_a_while(serve: Serve, root: Path) -> None:
    put(root / "file", b"hello")
    served = serve()
    served.ask("/file")
    put(root / "file", b"world", CHANGED + 1)
    served.network.run(FRESH * 2)
    assert served.ask("/file").body == b"world"
    (root / "file").unlink()
    served.network.run(FRESH * 2)
    assert served.ask("/file").status == 404
    assert shelf_of(served)._entries == {}
    assert shelf_of(served)._size == 0


def test_a_file_beside_it_is_seen_after_a_while(serve: Serve, root: Path) -> None:
    put(root / "file.bin", b"hello")
    served = serve()
    served.ask("/file.bin", accept_encoding="gzip")
    put(root / "file.bin.gz", b"compressed")
    served.network.run(FRESH * 2)
    assert served.ask("/file.bin", accept_encoding="gzip").body == b"compressed"


def test_what_has_just_changed_is_not_kept(serve: Serve, root: Path) -> None:
    served = serve()
    now = served.network.schedule.now
    put(root / "file", b"hello", now)
    assert served.ask("/file").body == b"hello"
    # Within a step of the file system's clock.
    (root / "file").write_bytes(b"world")
    put(root / "file", b"world", now)
    assert served.ask("/file").body == b"world"
    served.network.run(SETTLED)
    served.ask("/file")
    before = served.threads
    served.ask("/file")
    assert served.threads == before


def test_a_file_beyond_what_is_small_is_not_in_memory(serve: Serve, root: Path) -> None:
    put(root / "file", b"x" * (SMALL + 1))
    served = serve()
    for _ in range(2):
        assert len(served.ask("/file").body) == SMALL + 1
    assert shelf_of(served)._size <= module.OVERHEAD
    assert isinstance(shelf_of(served).known("/file").variants[""].source, Opened)


def test_memory_has_a_bound(serve: Serve, root: Path) -> None:
    served = serve(memory=256 * 1024)
    for number in range(20):
        put(root / f"{number}", b"x" * 50_000)
        served.ask(f"/{number}")
        assert shelf_of(served)._size <= 256 * 1024
    assert [*shelf_of(served)._entries] == ["/15", "/16", "/17", "/18", "/19"]
    kept = sum(one.size for one in shelf_of(served)._entries.values())
    assert kept == shelf_of(served)._size >= 250_000


def test_what_was_not_used_for_longest_goes(serve: Serve, root: Path) -> None:
    served = serve(memory=65536)
    for name in "abc":
        put(root / name, b"x" * 25_000)
    for name in "abac":
        served.ask(f"/{name}")
    assert [*shelf_of(served)._entries] == ["/a", "/c"]


def test_what_is_not_there_is_not_kept(serve: Serve) -> None:
    served = serve()
    for number in range(5):
        assert served.ask(f"/{number}").status == 404
    assert shelf_of(served)._entries == {}


def asked_at_once(served: Served, targets: list[str], **fields: str) -> list[Response]:
    peers = []
    for target in targets:
        peer = served.connect()
        peers.append(peer)
        asked = request(target, connection="close", **fields)
        served.network.schedule.soon(served.client, peer._end.transport.write, asked)
    return [Response.of(peer.receive_all()) for peer in peers]


@pytest.mark.parametrize("coding", ["identity", "br"])
def test_those_who_want_the_same_wait_together(serve: Serve, root: Path, coding: str) -> None:
    put(root / "file.html", b"hello " * 1000)
    served = serve()
    answers = asked_at_once(served, ["/file.html"] * 10, accept_encoding=coding)
    assert len({answer.body for answer in answers}) == 1
    assert served.threads == 2


def test_those_who_wait_for_what_fails_are_all_told(serve: Serve, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root / "file", b"hello")
    served = serve()

    def fail(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(served.application._reader, "look", fail)
    assert [answer.status for answer in asked_at_once(served, ["/file"] * 3)] == [403] * 3
    monkeypatch.undo()
    assert served.ask("/file").status == 200


def test_only_so_many_threads_are_taken(serve: Serve, root: Path) -> None:
    served = serve()
    assert shelf_of(served)._threads.limit == THREADS < served.network.machine("server").reactor.getThreadPool().max


def test_what_grew_since_it_was_looked_at_is_sent_from_the_disk(serve: Serve, root: Path) -> None:
    put(root / "file", b"hello")
    served = serve()
    served.ask("/file")
    shelf_of(served).known("/file").variants.clear()
    put(root / "file", b"x" * 1_000_000, CHANGED + 1)
    assert served.ask("/file").body == b"x" * 1_000_000
    assert shelf_of(served)._size < 10_000
