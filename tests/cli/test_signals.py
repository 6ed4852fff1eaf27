"""SIGHUP, SIGTERM, a second SIGTERM and ``kill -9``, for real."""

from __future__ import annotations

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netforge.cli.launch import launcher
from netforge.cli.sources import from_file
from tests.cli.conftest import Launch, Server, echoed, wait_until

pytestmark = pytest.mark.real

TWO = """
[services.kept]
service = "echo"
listen = ["tcp:127.0.0.1:0", "udp:127.0.0.1:0"]

[services.changed]
service = "echo"
listen = ["tcp:127.0.0.1:0"]
"""

# A plugin of the plain Twisted kind, which cannot be asked to finish.
STUBBORN = """
from twisted.internet.protocol import Factory, Protocol
from netforge.plugin import Listen, Settings, Stream, service

class StubbornSettings(Settings):
    listen: Listen = Listen("tcp:127.0.0.1:0")

class Stubborn(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

@service("stubborn", StubbornSettings)
def stubborn(settings, context):
    return [Stream(settings.listen, Factory.forProtocol(Stubborn))]
"""

HANGS_UP = """
import os, signal
from pathlib import Path
from netforge.plugin import Settings, service

class BusySettings(Settings):
    storm: int = 0

if not Path("hung-up").exists():
    Path("hung-up").touch()
    os.kill(os.getpid(), signal.SIGHUP)

@service("busy", BusySettings)
def busy(settings, context):
    for _ in range(settings.storm):
        os.kill(os.getpid(), signal.SIGHUP)
    return []
"""


def start(launch: Launch, folder: Path, settings: str) -> Server:
    (folder / "forge.toml").write_text(settings)
    server = launch("twistd", "--pidfile=", "-n", "netforge", "-c", "forge.toml", "--ready-file", "ready.json")
    server.wait_ready()
    return server


def stubborn(launch: Launch, folder: Path, drain: float) -> Server:
    (folder / "plugins").mkdir()
    (folder / "plugins" / "stubborn.py").write_text(STUBBORN)
    return start(
        launch, folder, f'[netforge]\nplugin_dirs = ["plugins"]\ndrain_deadline = {drain}\n[services.stubborn]\n'
    )


def test_sighup_exchanges_what_changed_and_leaves_the_rest(launch: Launch, tmp_path: Path) -> None:
    server = start(launch, tmp_path, TWO)
    with server.connect("kept") as kept, server.connect("changed") as old:
        assert echoed(old, b"old") == b"old"
        addresses = [server.address("kept"), server.address("kept", "udp"), server.address("changed")]
        (tmp_path / "forge.toml").write_text(
            TWO + 'protocol = "discard"\n[services.new]\nservice = "echo"\nlisten = ["tcp:127.0.0.1:0"]\n'
        )
        server.process.send_signal(signal.SIGHUP)
        assert "started new; replaced changed; 1 unchanged" in server.wait_for("reloaded: ")
        wait_until(lambda: '"new"' in server.ready_file.read_text())
        assert [server.address("kept"), server.address("kept", "udp"), server.address("changed")] == addresses
        assert echoed(kept, b"kept") == b"kept"
        assert echoed(old, b"old lives on") == b"old lives on"
        with server.connect("changed") as changed, server.connect("new") as new:
            assert echoed(new, b"new") == b"new"
            changed.sendall(b"discarded")
            changed.shutdown(socket.SHUT_WR)
            assert changed.recv(100) == b""
    assert server.end() == 0


def test_sighup_with_a_bad_file_leaves_everything_as_it_was(launch: Launch, tmp_path: Path) -> None:
    server = start(launch, tmp_path, TWO)
    with server.connect("kept") as kept:
        (tmp_path / "forge.toml").write_text(TWO + "protcol = 1\n")
        server.process.send_signal(signal.SIGHUP)
        assert "forge.toml:9: services.changed.protcol: unknown key" in server.wait_for("not reloaded: ")
        server.wait_for("everything goes on as it was")
        assert echoed(kept, b"kept") == b"kept"
        with server.connect("changed") as changed:
            assert echoed(changed, b"changed") == b"changed"
    assert server.end() == 0


def test_sigterm_drains_and_exits_with_0(launch: Launch, tmp_path: Path) -> None:
    server = stubborn(launch, tmp_path, drain=30)
    with server.connect("stubborn") as connection:
        assert echoed(connection, b"before") == b"before"
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("stopping")
        assert echoed(connection, b"still served") == b"still served"
        with pytest.raises(ConnectionRefusedError):
            server.connect("stubborn")
    assert server.finish() == 0


def test_the_drain_ends_at_its_deadline(launch: Launch, tmp_path: Path) -> None:
    server = stubborn(launch, tmp_path, drain=0.2)
    with server.connect("stubborn") as connection:
        assert echoed(connection, b"x") == b"x"
        assert server.end() == 0
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert "cutting what has not finished: connections=1" in server.printed


def test_hangups_before_the_start_and_during_a_reload_are_answered_once(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "busy.py").write_text(HANGS_UP)
    settings = '[netforge]\nplugin_dirs = ["plugins"]\n[services.busy]\n'
    server = start(launch, tmp_path, settings)
    assert "1 unchanged" in server.wait_for("reloaded: ")
    (tmp_path / "forge.toml").write_text(settings + "storm = 20\n")
    server.process.send_signal(signal.SIGHUP)
    assert "replaced busy" in server.wait_for("reloaded: ")
    assert "1 unchanged" in server.wait_for("reloaded: ")
    assert server.end() == 0
    assert server.printed.count("reloaded: ") == 3


def test_a_thread_that_may_not_take_signals_launches_too(tmp_path: Path) -> None:
    source = from_file(tmp_path / "none.toml")
    with ThreadPoolExecutor() as pool, pytest.raises(SystemExit, match="No such file"):
        pool.submit(launcher, source, None, lambda: None).result()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts(launch: Launch, tmp_path: Path, number: signal.Signals) -> None:
    server = stubborn(launch, tmp_path, drain=600)
    with server.connect("stubborn") as connection:
        assert echoed(connection, b"x") == b"x"
        server.process.send_signal(number)
        server.wait_for("signal again to cut them")
        assert server.end(number) == 0


def test_kill_9_leaves_a_socket_file_that_the_next_start_replaces(launch: Launch, tmp_path: Path) -> None:
    settings = '[services.echo]\nlisten = ["unix:echo.sock"]\n'
    first = start(launch, tmp_path, settings)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert (tmp_path / "echo.sock").exists()
    second = start(launch, tmp_path, settings)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(second.address("echo", "unix"))
        assert echoed(client, b"again") == b"again"
        third = launch("netforge", "run", "forge.toml")
        assert third.finish() == 1
        assert "echo.sock (echo): Address already in use" in third.printed
        assert echoed(client, b"undisturbed") == b"undisturbed"
        client.shutdown(socket.SHUT_WR)
    assert second.end() == 0
