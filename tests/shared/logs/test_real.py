"""The log of real processes, with sinks that are stuck, full, or moved away."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Launch, Server

pytestmark = pytest.mark.real


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


SERVER = """
[shared.log]
file = "{}"
format = "json"
[services.echo]
listen = ["tcp:127.0.0.1:0"]
[services.monitor]
listen = ["tcp:127.0.0.1:0"]
"""


def begin(launch: Launch, tmp_path: Path, settings: str, *command: str) -> Server:
    (tmp_path / "forge.toml").write_text(settings)
    server = launch(*(command or ("netforge", "run")), "forge.toml", "--ready-file=ready.json")
    server.wait_ready()
    return server


def page(server: Server, path: str) -> str:
    try:
        with urlopen(f"http://{server.address('monitor')}/{path}", timeout=30) as answer:
            text: str = answer.read().decode()
    except OSError as error:
        text = getattr(error, "read", lambda: b"")().decode()
    return text


def eventually(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def echo_latency(server: Server, times: int) -> float:
    """The longest of so many round trips of connections of their own, each of which is a line of the log."""
    longest = 0.0
    for _ in range(times):
        began = time.monotonic()
        with server.connect("echo") as connection:
            connection.sendall(b"hello")
            assert connection.recv(5, socket.MSG_WAITALL) == b"hello"
        longest = max(longest, time.monotonic() - began)
    return longest


def dropped(server: Server) -> float:
    name = "netforge_log_dropped_lines_total "
    [line] = [line for line in page(server, "metrics").splitlines() if line.startswith(name)]
    return float(line.removeprefix(name))


#: Fills the queue of lines from within, quickly.
FLOOD = """
from netforge.plugin import Context, IMetrics, Parts, Settings, Task, service

class FloodSettings(Settings):
    "Says a lot when it starts."

@service("flood", FloodSettings, needs=[IMetrics])  # so it starts after the log, which needs that too
def flood(settings: FloodSettings, context: Context) -> Parts:
    def start() -> None:
        for number in range(6000):
            context.log.info("flood {number} " + "x" * 1000, number=number)
    return [Task(start, lambda: None)]
"""


def test_a_fifo_that_nobody_reads_holds_nobody_up(launch: Launch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "flood.py").write_text(FLOOD)
    settings = '[netforge]\nplugin_dirs = ["plugins"]\n' + SERVER.format("fifo")
    server = begin(launch, tmp_path, settings + "[services.flood]\n")
    assert echo_latency(server, 20) < 1
    lost = dropped(server)
    assert lost > 0
    assert "log: not ready: OSError: the log is written too slowly" in page(server, "ready")
    with (tmp_path / "fifo").open("rb", buffering=0) as reader:
        text = b""
        while b"lines were dropped" not in text:
            assert select.select([reader], [], [], 30)[0]
            text += reader.read(65536)
        *_, last = [json.loads(line) for line in text.decode().splitlines()]
        assert last["level"] == "warn"
        assert last["lost"] >= lost
        assert "log: ready" in page(server, "ready")
        assert server.end() == 0
    assert server.printed.count("the log is written too slowly: lines are dropped") == 1


def test_a_sink_that_is_stuck_at_the_end_does_not_hold_it_up(launch: Launch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    server = begin(launch, tmp_path, SERVER.format("fifo"))
    echo_latency(server, 1)
    assert server.end() == 0
    assert "the last lines of the log could not be written" in server.printed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False).returncode:
        pytest.skip("only root mounts a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told_of_once_and_the_log_goes_on_when_there_is_room(
    launch: Launch, tmp_path: Path, small_disk: Path
) -> None:
    (small_disk / "filling").write_bytes(bytes(56 * 1024))
    server = begin(launch, tmp_path, SERVER.format("disk/x.log"))
    echo_latency(server, 100)
    eventually(lambda: "log: not ready" in page(server, "ready"))
    assert "No space left on device" in page(server, "ready/log")
    assert echo_latency(server, 20) < 1
    (small_disk / "filling").unlink()
    eventually(lambda: "log: ready" in page(server, "ready"))
    assert server.end() == 0
    assert server.printed.count("No space left on device") == 1
    assert server.printed.count("the log can be written again") == 1
    written = lines(small_disk / "x.log")
    assert len([line for line in written if line["service"] == "echo" and line.get("event") == "connection"]) == 120


def test_logrotate_may_move_the_file_and_hang_up(launch: Launch, tmp_path: Path) -> None:
    server = begin(launch, tmp_path, SERVER.format("x.log"))
    echo_latency(server, 1)
    eventually((tmp_path / "x.log").exists)
    (tmp_path / "x.log").rename(tmp_path / "x.log.1")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: (tmp_path / "x.log").exists() and "reloaded" in (tmp_path / "x.log").read_text())
    assert server.end() == 0
    assert "reloaded" not in (tmp_path / "x.log.1").read_text()


def test_twistd_and_the_log_share_a_process(launch: Launch, tmp_path: Path) -> None:
    twistd = ("twistd", "-n", "--pidfile=", "--logger=netforge.cli.logs.for_twistd", "netforge", "--config")
    server = begin(launch, tmp_path, SERVER.format("x.log"), *twistd)
    echo_latency(server, 1)
    eventually(lambda: '"event": "connection"' in (tmp_path / "x.log").read_text())
    assert server.end() == 0
    assert "the log goes to" in server.printed
    assert "bytes received" not in server.printed
    assert "Server Shut Down" in server.printed


def test_the_log_of_netforge_run_is_written_once_to_standard_error(launch: Launch, tmp_path: Path) -> None:
    for settings in ("", '[shared.log]\nformat = "text"\n'):
        server = begin(launch, tmp_path, settings + '[services.echo]\nlisten = ["tcp:127.0.0.1:0"]\n')
        echo_latency(server, 1)
        assert server.end() == 0
        assert server.printed.count("5 bytes received, 5 sent") == 1
        assert "\x1b" not in server.printed
