"""The examples that speak WebSocket, run as their pages say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PATIENCE, Launch, launch

pytestmark = pytest.mark.real

__all__ = ["launch"]

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def get(url: str) -> str:
    """What curl shows."""
    command = ["curl", "-sS", "--max-time", str(PATIENCE), url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["starlette", "tornado"])
def test_what_one_reader_writes_appears_for_all(launch: Launch, tmp_path: Path, name: str) -> None:
    pytest.importorskip(name)
    pytest.importorskip("websockets")
    from websockets.sync.client import connect

    shutil.copy(EXAMPLES / f"{name}_app.py", tmp_path)
    settings = (EXAMPLES / f"{name}.toml").read_text().replace(":8000", ":0")
    (tmp_path / "site.toml").write_text(settings)
    server = launch("netforge", "run", "site.toml", "--ready-file", "ready.json", "--reactor", "forge")
    server.wait_ready()
    address = server.address("web")
    assert "<title>Board</title>" in get(f"http://{address}/")
    with connect(f"ws://{address}/live") as ada, connect(f"ws://{address}/live") as grace:
        for line in ("tea is ready", "cöffee too"):
            ada.send(line)
            assert ada.recv(PATIENCE) == grace.recv(PATIENCE) == line
    assert server.end() == 0
    if name == "starlette":
        assert "the board is up" in server.printed
        assert "the board is down" in server.printed


def test_an_application_in_another_program() -> None:
    pytest.importorskip("starlette")
    command = [sys.executable, str(EXAMPLES / "embedded_asgi.py"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = re.search(r"port=(\d+)", process.stdout.readline())
            assert port
            assert get(f"http://127.0.0.1:{port[1]}/") == "hello\n"
        finally:
            process.terminate()
