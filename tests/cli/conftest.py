"""Real processes: ``twistd`` and ``netforge``, started, watched and ended."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

BIN = Path(sys.executable).parent
PATIENCE = 30.0


@dataclass
class Server:
    """A launched process. Everything that it prints is in *output*, as far as it was read."""

    process: subprocess.Popen[str]
    ready_file: Path
    output: list[str] = field(default_factory=list)

    def wait_for(self, text: str) -> str:
        """Read what it prints up to a line that holds a text. A process that hangs is killed, and the test fails."""
        assert self.process.stdout is not None
        watch = Timer(PATIENCE, self.process.kill)
        watch.start()
        try:
            for line in self.process.stdout:
                self.output.append(line)
                if text in line:
                    return line
        finally:
            watch.cancel()
        pytest.fail(f"{text!r} was not printed:\n{''.join(self.output)}")

    def wait_ready(self) -> dict[str, Any]:
        """Wait until everything serves; the content of the ready file."""
        self.wait_for("netforge is ready")
        found: dict[str, Any] = json.loads(self.ready_file.read_text())
        return found

    def address(self, name: str, kind: str = "tcp") -> str:
        """The address of a service without its kind: ``127.0.0.1:7007`` or a path."""
        for one in json.loads(self.ready_file.read_text())["services"]:
            if one["name"] == name and one["address"].startswith(f"{kind}:"):
                return str(one["address"]).removeprefix(f"{kind}:")
        pytest.fail(f"{name} has no {kind} address")

    def connect(self, name: str) -> socket.socket:
        """A TCP connection to a service."""
        host, port = self.address(name).rsplit(":", 1)
        return socket.create_connection((host, int(port)), timeout=PATIENCE)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> int:
        """Wait for the end; the exit status."""
        output, _ = self.process.communicate(timeout=PATIENCE)
        self.output.append(output)
        return self.process.returncode

    @property
    def printed(self) -> str:
        """All that was read of its output."""
        return "".join(self.output)


Launch = Callable[..., Server]


@pytest.fixture
def launch(tmp_path: Path, reactor_name: str | None) -> Iterator[Launch]:
    """Start ``twistd`` or ``netforge`` with arguments, in a folder of the test's own; all are killed in the end.

    They run on the reactor that the tests were told to, unless their arguments name one.
    """
    servers: list[Server] = []
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "xdg"), "PYTHONUNBUFFERED": "1"}

    def start(
        command: str, *arguments: object, folder: Path = tmp_path, env: dict[str, str] | None = None, **options: Any
    ) -> Server:
        words = [str(argument) for argument in arguments]
        if reactor_name is not None and "--reactor" not in words:
            if command == "twistd":
                words.insert(0, f"--reactor={reactor_name}")
            elif words[:1] == ["run"]:
                words.append(f"--reactor={reactor_name}")
        process = subprocess.Popen(
            [str(BIN / command), *words],
            cwd=folder,
            env={**environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        servers.append(Server(process, folder / "ready.json"))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def echoed(connection: socket.socket, data: bytes) -> bytes:
    """Send data to an echo service; as many bytes of what comes back."""
    connection.sendall(data)
    with connection.makefile("rb") as back:
        return back.read(len(data))


def wait_until(true: Callable[[], object]) -> None:
    """Look again and again until something is true: for what no pipe or socket tells of, such as a daemon's end."""
    for _ in range(int(PATIENCE / 0.02)):
        if true():
            return
        select.select([], [], [], 0.02)
    pytest.fail("it did not come true")
