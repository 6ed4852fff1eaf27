"""Processes that a manager like systemd launches, and the unit files that the documentation shows."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Launch

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
UNITS = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in (".service", ".socket"))

SETTINGS = '[services.echo]\nlisten = ["tcp:127.0.0.1:0"]\n'


@pytest.fixture
def notify_socket(tmp_path: Path) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        yield manager


def told(manager: socket.socket) -> dict[str, str]:
    """The next message but those for the watchdog."""
    while True:
        message = dict(line.split("=", 1) for line in manager.recv(4096).decode().split("\n"))
        if "WATCHDOG" not in message:
            return message


@pytest.mark.real
@pytest.mark.parametrize("command", [("netforge", "run"), ("twistd", "-n", "--pidfile=", "netforge", "--config")])
def test_a_process_tells_of_every_turn_of_its_life(
    launch: Launch, tmp_path: Path, notify_socket: socket.socket, command: tuple[str, ...]
) -> None:
    (tmp_path / "forge.toml").write_text(SETTINGS)
    environment = {"NOTIFY_SOCKET": notify_socket.getsockname(), "WATCHDOG_USEC": "200000"}
    server = launch(*command, "forge.toml", "--ready-file=ready.json", env=environment)
    assert told(notify_socket) == {"READY": "1", "STATUS": "serving 1 addresses"}
    assert notify_socket.recv(100) == b"WATCHDOG=1"
    server.process.send_signal(signal.SIGHUP)
    assert told(notify_socket)["RELOADING"] == "1"
    assert told(notify_socket) == {"READY": "1", "STATUS": "serving 1 addresses"}
    (tmp_path / "forge.toml").write_text("not toml")
    server.process.send_signal(signal.SIGHUP)
    assert told(notify_socket)["RELOADING"] == "1"
    assert "the last reload failed" in told(notify_socket)["STATUS"]
    server.process.send_signal(signal.SIGTERM)
    assert told(notify_socket)["STOPPING"] == "1"
    assert server.finish() == 0


@pytest.mark.real
def test_a_start_that_fails_is_never_ready(launch: Launch, tmp_path: Path, notify_socket: socket.socket) -> None:
    (tmp_path / "forge.toml").write_text('[services.echo]\nprotocol = "qotd"\nquotes = "missing"\n')
    environment = {"NOTIFY_SOCKET": notify_socket.getsockname()}
    server = launch("netforge", "run", "forge.toml", env=environment)
    assert told(notify_socket) == {"STOPPING": "1", "STATUS": "it cannot start, and the log says why"}
    assert server.finish() == 1


@pytest.mark.real
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_file_is_one_that_systemd_accepts(tmp_path: Path, name: str) -> None:
    for unit in UNITS:
        text = (EXAMPLES / unit).read_text()
        # It must be there to be accepted.
        (tmp_path / unit).write_text(text.replace("/opt/netforge/bin/netforge", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
