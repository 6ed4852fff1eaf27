"""Every example is run as its page says."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import click
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as dial

from docs.examples.test_greet import test_a_greeting_for_each_line, test_silence_is_cut
from netforge.cli.main import main
from netforge.host import SettingsError
from netforge.host.discovery import Catalogue
from netforge.host.settings import draw, read_document, read_text
from tests.cli.conftest import PATIENCE, Launch
from tests.docs.conftest import DOCS, ROOT, blocks

__all__ = ["test_a_greeting_for_each_line", "test_silence_is_cut"]

PAGES = [*DOCS.glob("*.rst"), ROOT / "README.md"]
TOML = [(page.name, text) for page in PAGES for text in blocks(page, "toml")]
COMMANDS = {
    command
    for page in PAGES
    for block in blocks(page, "console")
    for command in re.findall(r"^\$ netforge ((?:[a-z]+ ?)+)", block, re.MULTILINE)
}
PLUGINS = [plugin for registry in (Catalogue().services, Catalogue().shared) for plugin in registry.working()]


def free_port() -> int:
    """A port that is free for TCP and for UDP."""
    while True:
        with socket.socket() as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def ports_of_their_own(examples: Path) -> int:
    """Let ``forge.toml`` and what it includes use ports that are free; that of echo is returned."""
    port = free_port()
    for path in (examples / "forge.toml", examples / "parts" / "clocks.toml"):
        text = path.read_text().replace(":7007", f":{port}")
        path.write_text(text.replace(":7013", ":0").replace(":7017", ":0"))
    return port


@contextmanager
def program(path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """An example that runs until the end of the block, and leaves at SIGTERM."""
    command = [sys.executable, str(path), *arguments]
    with subprocess.Popen(command, cwd=path.parent, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def run(path: Path, *arguments: object) -> str:
    """What an example prints."""
    command = [sys.executable, str(path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout


@pytest.mark.parametrize(("page", "text"), TOML)
def test_every_settings_text_is_right(page: str, text: str, tmp_path: Path) -> None:
    assert draw(read_text(text, tmp_path)).plans


@pytest.mark.parametrize("path", sorted((DOCS / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_settings_file_is_right(path: Path) -> None:
    if path.name != "ruff.toml":
        assert draw(read_document(path)).plans


def test_errors_look_as_the_first_steps_show_them(tmp_path: Path) -> None:
    shown = next(block for block in blocks(DOCS / "first-steps.rst", "text") if "unknown key" in block)
    text = (DOCS / "examples" / "forge.toml").read_text().partition("\n\n")[2]
    with pytest.raises(SettingsError) as caught:
        draw(read_text(text.replace("idle", "idel").replace("qotd", "quote"), tmp_path, "forge.toml"))
    for line, problem in zip(shown.splitlines(), map(str, caught.value.problems), strict=True):
        beginning, _, end = line.partition("...")
        assert problem.startswith(beginning)
        assert problem.endswith(end)


@pytest.mark.parametrize(
    ("name", "text"), [(plugin.name, text) for plugin in PLUGINS for text in (plugin.lab, *plugin.examples) if text]
)
def test_every_example_of_a_plugin_is_right(name: str, text: str, tmp_path: Path) -> None:
    assert name in {plan.plugin.name for plan in draw(read_text(text, tmp_path)).plans}


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_every_command_on_the_pages_exists(words: str) -> None:
    command: click.Command | None = main
    for word in words.split():
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), word)
    assert command is not None
    assert not isinstance(command, click.Group)


@pytest.mark.real
def test_first_steps(launch: Launch, examples: Path) -> None:
    port = ports_of_their_own(examples)
    server = launch("twistd", "--pidfile=", "-n", "netforge", "--config", "forge.toml", "--ready-file", "ready.json")
    server.wait_ready()

    path = server.address("echo", "unix")
    assert run(examples / "socket_client.py", port, path).split() == [r"b'hello\n'"] * 3
    assert run(examples / "twisted_client.py", port).split() == ["b'hello'"] * 2

    (examples / "quotes.txt").write_text("Changed.\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("reloaded: replaced motd; 2 unchanged")
    with server.connect("motd") as connection:
        assert connection.makefile("rb").read() == b"Changed.\r\n"
    assert server.end() == 0


@pytest.mark.real
@pytest.mark.parametrize(("command", "name"), [("twistd", "forge.tac"), ("python", "embedded_forge.py")])
def test_a_forge_in_another_program(launch: Launch, examples: Path, command: str, name: str) -> None:
    port = ports_of_their_own(examples)
    server = launch(command, *(["--pidfile=", "-ny"] if command == "twistd" else []), name)
    server.wait_for("netforge starting on" if command == "twistd" else f"echo tcp:127.0.0.1:{port}")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5, socket.MSG_WAITALL) == b"hello"
    server.end()
    assert not (examples / "run" / "echo.sock").exists()


@pytest.mark.real
def test_the_protocols_in_another_program(examples: Path) -> None:
    with program(examples / "embedded_protocol.py", "0", "0", "0") as process:
        assert process.stdout is not None
        found = [re.search(r"port=(\d+)", process.stdout.readline()) for _ in range(3)]
        echo, quote, time = [int(match[1]) for match in found if match]
        with socket.create_connection(("127.0.0.1", echo), timeout=PATIENCE) as connection:
            connection.sendall(b"hello")
            assert connection.recv(5, socket.MSG_WAITALL) == b"hello"
        with socket.create_connection(("127.0.0.1", quote), timeout=PATIENCE) as connection:
            assert connection.makefile("rb").read() == b"Be liberal in what you accept.\r\n"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(b"", ("127.0.0.1", time))
            assert len(client.recv(512)) == 4


@pytest.mark.real
@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2-prior-knowledge"])
def test_an_http_server_in_another_program(examples: Path, version: str) -> None:
    with program(examples / "embedded_http.py", "0") as process:
        assert process.stdout is not None
        found = re.search(r"port=(\d+)", process.stdout.readline())
        assert found

        def curl(path: str, *options: str, send: bytes | None = None) -> bytes:
            command = [
                "curl",
                "-sS",
                "--max-time",
                str(PATIENCE),
                version,
                *options,
                f"http://127.0.0.1:{found[1]}{path}",
            ]
            return subprocess.run(command, input=send, check=True, stdout=subprocess.PIPE).stdout

        assert curl("/") == b"hello\n"
        assert curl("/nowhere", "-w", "%{http_code}") == b"404 Not Found: there are /, /count and /numbers\n404"
        assert curl("/count", "--data-binary", "@-", send=b"x" * 3_000_000) == b"3000000 bytes\n"
        if version != "--http1.0":
            # In chunks, since its length is not known.
            assert curl("/count", "-T", "-", "-X", "POST", send=b"x" * 1_000_000) == b"1000000 bytes\n"
        assert curl("/numbers") == b"".join(b"%d\n" % number for number in range(100_000))
        assert curl("/", "-I").startswith(b"HTTP/")


@pytest.mark.real
def test_a_room_of_websockets_in_another_program(examples: Path) -> None:
    with program(examples / "websocket_server.py", "0") as process:
        assert process.stdout is not None
        found = re.search(r"port=(\d+)", process.stdout.readline())
        assert found
        with dial(f"ws://127.0.0.1:{found[1]}/room", proxy=None) as listener:
            assert run(examples / "websocket_client.py", found[1], "hello") == "hello\n"
            assert listener.recv(PATIENCE) == "hello"
        with pytest.raises(InvalidStatus, match="404"):
            dial(f"ws://127.0.0.1:{found[1]}/elsewhere", proxy=None)


@pytest.mark.real
def test_the_smallest_plugin(launch: Launch, examples: Path) -> None:
    server = launch(
        *("twistd", "--pidfile=", "-n", "netforge", "--plugin-dir", "plugins", "--ready-file", "ready.json"),
        *("hello", "--listen", "tcp:127.0.0.1:0"),
    )
    server.wait_ready()
    with server.connect("hello") as connection:
        assert connection.makefile("rb").read() == b"hello\r\n"
    assert server.end() == 0


@pytest.mark.real
def test_a_plugin_with_settings(launch: Launch, examples: Path) -> None:
    server = launch(
        *("twistd", "--pidfile=", "-n", "netforge", "--plugin-dir", "plugins", "--ready-file", "ready.json", "greet"),
        *("--listen", "tcp:127.0.0.1:0", "--listen", "udp:127.0.0.1:0", "--word", "Welcome"),
    )
    server.wait_ready()
    with server.connect("greet") as connection:
        connection.sendall(b"Ada\nGrace\n")
        with connection.makefile("rb") as answers:
            assert answers.read(30) == b"Welcome, Ada!\nWelcome, Grace!\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        host, port = server.address("greet", "udp").rsplit(":", 1)
        client.sendto(b"Ada", (host, int(port)))
        assert client.recv(512) == b"Welcome, Ada!\n"
    assert server.end() == 0


@pytest.mark.real
def test_services_that_share_the_bus(launch: Launch, examples: Path) -> None:
    settings = (examples / "shout.toml").read_text().replace("every = 30", "every = 0.05")
    (examples / "shout.toml").write_text(
        settings.replace("[services.shout]", '[services.shout]\nlisten = "tcp:127.0.0.1:0"')
    )
    server = launch("netforge", "run", "shout.toml", "--ready-file", "ready.json")
    server.wait_ready()
    with server.connect("shout") as ada, server.connect("shout") as grace:
        assert grace.makefile("rb").readline() == b"tea is ready\n"
        ada.sendall(b"hello\n")
        assert b"hello\n" in iter(grace.makefile("rb").readline, b"")

    # The changed plugin file makes a new instance, which remembers what was said.
    with (examples / "plugins" / "shout.py").open("a") as file:
        file.write("\n# changed\n")
    server.process.send_signal(signal.SIGHUP)
    assert "replaced" in server.wait_for("reloaded: ")
    with server.connect("shout") as newcomer:
        assert newcomer.makefile("rb").readline() == b"hello\n"
    assert server.end() == 0


@pytest.mark.real
def test_the_showcase(launch: Launch, examples: Path) -> None:
    settings = examples / "showcase.toml"
    text = settings.read_text().replace("7080", "0").replace("7070", "0")
    monitor = str(free_port())
    listen = f'[services.monitor]\nlisten = ["tcp:127.0.0.1:{monitor}"]'
    settings.write_text(text.replace("9464", monitor).replace("[services.monitor]", listen))
    for command in (["migrate"], ["collectstatic", "--no-input"]):
        subprocess.run([sys.executable, "django_site/manage.py", *command, "-v", "0"], cwd=examples, check=True)
    server = launch("netforge", "run", "showcase.toml", "--ready-file", "ready.json")
    server.wait_ready()
    port = server.address("web", "tcp").rpartition(":")[2]
    for name, words in (
        ("localhost/", "One process serves all"),
        ("localhost/chat/", "Chat"),
        ("guestbook.localhost/", "Nobody has written yet."),
        ("flask.localhost/", "<form"),
        ("django.localhost/admin/login/", "Django administration"),
        ("starlette.localhost/", "<h1>Board"),
        ("tornado.localhost/", "<h1>Board"),
        ("klein.localhost/hello/Ada", "Ada"),
        ("proxied.localhost/ready", "web: ready"),
    ):
        host, slash, path = name.partition("/")
        asked = Request(f"http://127.0.0.1:{port}{slash}{path}", headers={"Host": host})
        with urlopen(asked, timeout=PATIENCE) as page:
            assert words in page.read().decode()
    assert server.end() == 0
