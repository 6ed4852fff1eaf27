"""The chat in a process of its own: netcat, two terminals, a program on a UNIX socket; reload and stop by signals."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.cli.conftest import PATIENCE, Launch, Server

pytestmark = pytest.mark.real

SETTINGS = """
[services.chat]
lines = ["tcp:127.0.0.1:0"]
json_lines = ["unix:chat.sock"]
"""

needs_netcat = pytest.mark.skipif(shutil.which("nc") is None, reason="netcat is not installed")


@pytest.fixture
def server(launch: Launch, tmp_path: Path) -> Server:
    """A real host that serves the chat."""
    (tmp_path / "forge.toml").write_text(SETTINGS)
    server = launch("netforge", "run", "forge.toml", "--ready-file", "ready.json")
    server.wait_ready()
    return server


class Talker:
    """Somebody with a plain socket, in the lobby."""

    def __init__(self, connection: socket.socket, nick: str) -> None:
        self.connection = connection
        self._file = connection.makefile("r", encoding="utf-8", newline="\r\n")
        self.type(f"/nick {nick}", "/join lobby")
        self.read_to(f"* {nick} joined lobby")

    def type(self, *lines: str) -> None:
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def read(self) -> str:
        line = self._file.readline()
        assert line.endswith("\r\n"), f"the connection ended: {line!r}"
        return line.removesuffix("\r\n")

    def read_to(self, last: str) -> list[str]:
        """The lines up to this one."""
        lines = [self.read()]
        while lines[-1] != last:
            lines.append(self.read())
        return lines

    def rest(self) -> str:
        """Everything up to the end."""
        return self._file.read()


@contextmanager
def talkers(server: Server, *nicks: str) -> Iterator[list[Talker]]:
    """People who have all seen the last of them come."""
    with ExitStack() as stack:
        found = [Talker(stack.enter_context(server.connect("chat")), nick) for nick in nicks]
        for talker in found[:-1]:
            talker.read_to(f"* {nicks[-1]} joined lobby")
        yield found


@needs_netcat
def test_netcats_a_socket_and_a_program_talk_to_each_other(server: Server) -> None:
    host, port = server.address("chat").rsplit(":", 1)
    with talkers(server, "ada") as [ada], ExitStack() as stack:
        netcats = [
            stack.enter_context(
                subprocess.Popen(["nc", host, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(3)
        ]
        for number, netcat in enumerate(netcats):
            assert netcat.stdin is not None
            netcat.stdin.write(f"/nick cat{number}\n/join lobby\n")
            netcat.stdin.flush()
            ada.read_to(f"* cat{number} joined lobby")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(server.address("chat", "unix"))
            objects = connection.makefile("rw", encoding="utf-8")
            for request in ({"type": "join", "room": "lobby"}, {"type": "say", "room": "lobby", "text": "beep\x1b[2J"}):
                objects.write(f"{json.dumps(request)}\n")
            objects.flush()
            nick = json.loads(objects.readline())["nick"]
            assert json.loads(objects.readline())["members"] == ["ada", "cat0", "cat1", "cat2", nick]
            said = f"[lobby] <{nick}> beep�[2J"
            ada.read_to(said)
            ada.type("/quit")
            assert ada.rest() == "* Goodbye: you have left.\r\n"
            for netcat in netcats:
                assert netcat.stdin is not None
                netcat.stdin.write("/quit\n")
                netcat.stdin.flush()
                output, _ = netcat.communicate(timeout=PATIENCE)
                assert said in output.splitlines()
                assert "* ada left" in output.splitlines()
                assert "\x1b" not in output
            left = [json.loads(objects.readline()) for _ in range(7)][-3:]
            assert [(one["type"], one["nick"]) for one in left] == [("left", f"cat{number}") for number in range(3)]


class Terminal:
    """A terminal in which netcat runs, and somebody types."""

    def __init__(self, host: str, port: str) -> None:
        self._keyboard, screen = pty.openpty()
        self.netcat = subprocess.Popen(
            ["nc", host, port], stdin=screen, stdout=screen, stderr=screen, start_new_session=True
        )
        os.close(screen)
        self.shown = ""

    def type(self, line: str) -> None:
        os.write(self._keyboard, f"{line}\n".encode())

    def wait_for(self, text: str) -> None:
        """Read the screen until a text is on it."""
        deadline = monotonic() + PATIENCE
        while text not in self.shown:
            ready, _, _ = select.select([self._keyboard], [], [], deadline - monotonic())
            assert ready, f"{text!r} was not shown: {self.shown!r}"
            self.shown += os.read(self._keyboard, 4096).decode()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.netcat.kill()
        self.netcat.wait(PATIENCE)
        os.close(self._keyboard)


@needs_netcat
def test_two_terminals(server: Server) -> None:
    host, port = server.address("chat").rsplit(":", 1)
    with Terminal(host, port) as one, Terminal(host, port) as other:
        for terminal, nick in ((one, "ada"), (other, "bob")):
            terminal.wait_for("* Welcome, guest")
            terminal.type(f"/nick {nick}")
            terminal.type("/join lobby")
            terminal.wait_for(f"* {nick} joined lobby\r")
        one.wait_for("* bob joined lobby\r")
        one.type("Grüße, bob")
        other.wait_for("[lobby] <ada> Grüße, bob\r")
        other.type("/me waves back")
        one.wait_for("[lobby] * bob waves back\r")
        other.type("/quit tea")
        one.wait_for("* bob left (tea)\r")
        other.wait_for("* Goodbye: you have left.\r")


def test_a_reload_leaves_everybody_in_their_rooms_and_a_stop_tells_them(server: Server, tmp_path: Path) -> None:
    with talkers(server, "ada") as [ada]:
        ada.type("before")
        assert ada.read() == "[lobby] <ada> before"
        (tmp_path / "forge.toml").write_text(f"{SETTINGS}message = 10\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("reloaded: replaced chat")
        with server.connect("chat") as connection:
            bob = Talker(connection, "bob")
            ada.read_to("* bob joined lobby")
            bob.type("x" * 11, "after")
            assert bob.read_to("[lobby] <bob> after")[0] == "* A message has at most 10 bytes; this one has 11."
            assert ada.read() == "[lobby] <bob> after"
            server.process.send_signal(signal.SIGTERM)
            assert ada.rest() == bob.rest() == "* Goodbye: the server is stopping.\r\n"
            assert server.finish() == 0
