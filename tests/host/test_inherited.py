"""Sockets that were open when the process started: by number, and by the names that systemd gives them."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from netforge.host import BindError, Forge
from tests.host.real import serve, settings

if TYPE_CHECKING:
    from tests.conftest import Drive
    from tests.host.conftest import Stage

pytestmark = pytest.mark.real

#: Where the first of two descriptors stands: higher than any that this process has.
PASSED = 900


def answer(reactor: Any, made: socket.socket) -> Deferred[bytes]:
    """Say hello and fire with what comes back."""

    def hello() -> bytes:
        with socket.socket(made.family, made.type) as client:
            client.settimeout(10)
            client.connect(made.getsockname())
            client.send(b"hello")
            return client.recv(1024)

    return deferToThreadPool(reactor, reactor.getThreadPool(), hello)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize("listening", [True, False])
def test_an_internet_socket_serves_and_stays_open_for_whoever_passed_it(
    stage: Stage, drive_each: Drive, kind: int, listening: bool
) -> None:
    with socket.socket(socket.AF_INET, kind) as made:
        made.bind(("127.0.0.1", 0))
        if listening and kind == socket.SOCK_STREAM:
            made.listen()
        address = f"fd:{made.fileno()}" if kind == socket.SOCK_STREAM else f"udp:fd:{made.fileno()}"
        port = made.getsockname()[1]

        async def talk(reactor: Any, forge: Forge) -> None:
            protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
            assert [one.address for one in forge.serving] == [f"{protocol}:127.0.0.1:{port}"]
            assert await answer(reactor, made) == b"a1:hello"

        serve(stage, drive_each, settings(address), talk)
        assert made.getsockname()[1] == port


def test_the_file_of_a_unix_socket_is_left_as_it_is(stage: Stage, drive_each: Drive, tmp_path: Path) -> None:
    path = tmp_path / "systemd.sock"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        path.chmod(0o640)
        made.listen()
        before = path.stat()

        async def talk(reactor: Any, forge: Forge) -> None:
            assert await answer(reactor, made) == b"a1:hello"
            stage.text += 'variant = "new"\n'
            await forge.reload()
            assert await answer(reactor, made) == b"a2:hello"

        serve(stage, drive_each, settings(f"fd:{made.fileno()}"), talk)
        after = path.stat()
    assert (after.st_ino, after.st_mode, after.st_uid) == (before.st_ino, before.st_mode, before.st_uid)


@pytest.mark.parametrize("listen", ["fd:9999", "fd:nobody"])
def test_a_descriptor_that_is_not_there(
    stage: Stage, drive: Drive, listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LISTEN_FDNAMES", raising=False)
    reasons = {
        "fd:9999": "Bad file descriptor",
        "fd:nobody": "systemd passed no descriptor of that name; it passed none",
    }

    async def scenario(reactor: Any) -> None:
        with pytest.raises(BindError) as caught:
            stage.forge(settings(listen), reactor).startService()
        assert str(caught.value) == f"{listen} (a): {reasons[listen]}"

    drive(scenario)


def test_descriptors_are_found_by_the_names_that_systemd_gave_them(
    stage: Stage, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    with first, second:
        # systemd's first descriptor is 3, which this process uses for something else.
        monkeypatch.setattr("netforge.host.sockets.FIRST_INHERITED", PASSED)
        os.dup2(first.fileno(), PASSED)
        os.dup2(second.fileno(), PASSED + 1)
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "2")
        monkeypatch.setenv("LISTEN_FDNAMES", "web:mail")

        async def talk(reactor: Any, forge: Forge) -> None:
            assert [one.address for one in forge.serving] == [
                f"tcp:127.0.0.1:{made.getsockname()[1]}" for made in (second, first)
            ]
            for made in (first, second):
                assert await answer(reactor, made) == b"a1:hello"
            # A name can be looked up again, when a reload brings it back.
            stage.text = settings("fd:mail")
            await forge.reload()
            stage.text = settings("fd:mail", "fd:web")
            await forge.reload()
            assert await answer(reactor, first) == b"a3:hello"

        serve(stage, drive, settings("fd:mail", "fd:web"), talk)
        os.close(PASSED)
        os.close(PASSED + 1)


def test_what_systemd_passed_to_another_process_is_not_ours(
    stage: Stage, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_FDNAMES", "web")

    async def scenario(reactor: Any) -> None:
        with pytest.raises(BindError, match=r"^fd:web \(a\): systemd passed no descriptor of that name"):
            stage.forge(settings("fd:web"), reactor).startService()

    drive(scenario)
