"""What is printed while no ``[shared.log]`` takes the log over."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.logger import LogEvent

from netforge.cli import logs
from netforge.cli.logs import Interim

SETTINGS = '[services.echo]\nlisten = ["tcp:127.0.0.1:0"]\n'


def test_events_are_passed_on_while_nobody_else_takes_them() -> None:
    passed: list[LogEvent] = []
    interim = Interim(passed.append)
    before, taken = {"n": 1}, {"event": "log", "log_moved": True}
    during, trouble = {"n": 2}, {"event": "log", "n": 3}
    given_back, after = {"event": "log", "log_moved": False}, {"n": 4}
    for event in (before, taken, during, trouble, given_back, after):
        interim(event)
    assert passed == [before, taken, trouble, given_back, after]


def test_for_twistd_it_looks_as_twistd_does(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", printed)
    logs.for_twistd()({"log_format": "hello {n}", "n": 5, "log_system": "it", "log_time": 0.0})
    assert printed.getvalue().endswith("[it] hello 5\n")


@pytest.mark.real
@pytest.mark.parametrize("settings", [SETTINGS, "[shared.log]\n" + SETTINGS])
def test_on_a_terminal_there_are_colours(tmp_path: Path, settings: str) -> None:
    (tmp_path / "forge.toml").write_text(settings)
    ours, theirs = pty.openpty()
    netforge = Path(sys.executable).parent / "netforge"
    process = subprocess.Popen([netforge, "run", "forge.toml"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    assert process.stdout is not None
    while b"netforge is ready" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    printed = b""
    while part := _read(ours):
        printed += part
    os.close(ours)
    assert b"\x1b[32minfo    \x1b[0m \x1b[1mcli.launch\x1b[0m: stopping" in printed


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a terminal says that nobody writes any more
        return b""
