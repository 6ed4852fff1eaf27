"""Launching for real: what serves, how a failed start looks, what is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli.conftest import Launch, echoed, wait_until

pytestmark = pytest.mark.real

LATE = """
from netforge.plugin import Listen, Settings, service

class LateSettings(Settings):
    listen: Listen = Listen("tcp:127.0.0.1:0")

@service("late", LateSettings)
def late(settings, context):
    raise RuntimeError("no luck today")
"""

IN_THE_WAY = """
from pathlib import Path
from netforge.plugin import Settings, service

class WaySettings(Settings):
    pass

@service("way", WaySettings)
def way(settings, context):
    Path("folder/ready.json").mkdir()
    return []
"""


def test_the_drop_in_imports_neither_a_reactor_nor_pydantic() -> None:
    code = "import sys, twisted.plugins.netforge_plugins as p; assert p.netforge.tapname; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"twisted.internet.reactor", "pydantic", "netforge.plugin", "netforge.host"} & set(imported)


def test_the_lab_serves_every_service_and_each_line_to_try_works(launch: Launch, tmp_path: Path) -> None:
    server = launch("twistd", "--pidfile=", "-n", "netforge", "--free-ports", "--ready-file", "ready.json")
    ready = server.wait_ready()
    assert ready["state"] == str(tmp_path / "xdg" / "netforge" / "lab")
    assert {one["protocol"] for one in ready["services"]} >= {"echo", "discard", "daytime", "time", "chargen", "qotd"}
    expected = {
        "echo": b"hello\n",
        "discard": b"",
        "daytime": b"-UTC\r\n",
        "time": b"40",
        "chargen": b'!"#$',
        "qotd": b"RFC",
    }
    tries = [
        (one["protocol"], subprocess.Popen(one["try"], shell=True, stdout=subprocess.PIPE))
        for one in ready["services"]
        # What UDP's chargen answers may be nothing (RFC 864).
        if one["protocol"] in expected and (one["protocol"], one["address"][:3]) != ("chargen", "udp")
    ]
    for protocol, process in tries:
        assert expected[protocol] in process.communicate()[0], protocol
        if protocol == "discard":
            assert process.returncode == 0
    assert server.end() == 0
    assert not (tmp_path / "ready.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("twistd", "--pidfile=", "-n", "netforge", "--ready-file=ready.json", "echo"),
        ("twistd", "--pidfile=", "-n", "netforge", "echo", "--ready-file=ready.json"),
        ("twistd", "--pidfile=", "-n", "forge-echo", "--ready-file=ready.json"),
    ],
)
def test_one_service_runs_by_its_flags(launch: Launch, arguments: tuple[str, ...]) -> None:
    server = launch(*arguments, "--listen=tcp:127.0.0.1:0", '--listen={ address = "udp:127.0.0.1:0", metrics = false }')
    assert [one["address"][:4] for one in server.wait_ready()["services"]] == ["tcp:", "udp:"]
    with server.connect("echo") as connection:
        assert echoed(connection, b"by flags") == b"by flags"
    assert server.end() == 0


@pytest.mark.parametrize("reactor", ["epoll", "asyncio", "poll", "forge"])
def test_a_file_runs_on_every_reactor(launch: Launch, tmp_path: Path, reactor: str) -> None:
    (tmp_path / "forge.toml").write_text('[services.echo]\nlisten = ["tcp:127.0.0.1:0", "unix:run/echo.sock"]\n')
    server = launch("netforge", "run", "forge.toml", "--ready-file", "ready.json", "--reactor", reactor)
    server.wait_ready()
    with server.connect("echo") as connection, socket.socket(socket.AF_UNIX) as unix:
        assert echoed(connection, b"x" * 100_000) == b"x" * 100_000
        unix.connect(server.address("echo", "unix"))
        assert echoed(unix, b"unix") == b"unix"
        unix.shutdown(socket.SHUT_WR)
        connection.shutdown(socket.SHUT_WR)
    assert server.end() == 0
    assert not (tmp_path / "run" / "echo.sock").exists()


@pytest.mark.parametrize("hidden", [True, False])
def test_without_uvloop_it_runs_on_another_reactor_and_says_so_once(
    launch: Launch, tmp_path: Path, reactor_name: str | None, *, hidden: bool
) -> None:
    if reactor_name is not None:
        pytest.skip("these tests were told what to run on")
    (tmp_path / "forge.toml").write_text('[services.echo]\nlisten = ["tcp:127.0.0.1:0"]\n')
    if hidden:
        (tmp_path / "hidden").mkdir()
        (tmp_path / "hidden" / "uvloop.py").write_text("raise ImportError('there is no uvloop here')")
    server = launch(
        *("netforge", "run", "forge.toml", "--ready-file", "ready.json"), env={"PYTHONPATH": str(tmp_path / "hidden")}
    )
    server.wait_ready()
    with server.connect("echo") as connection:
        assert echoed(connection, b"hello") == b"hello"
    assert server.end() == 0
    assert server.printed.count("uvloop is not installed, so this runs on Twisted's own reactor") == hidden


@pytest.mark.parametrize("daemon", [(), ("-n",)], ids=["daemon", "foreground"])
def test_bad_settings_start_nothing_and_every_error_is_printed(
    launch: Launch, tmp_path: Path, daemon: tuple[str, ...]
) -> None:
    (tmp_path / "forge.toml").write_text('[services.echo]\nprotcol = "echo"\nidle = -1\n[sevices]\n')
    server = launch("twistd", *daemon, "netforge", "--config", "forge.toml")
    assert server.finish() == 1
    assert server.printed.splitlines() == [
        "forge.toml:2: services.echo.protcol: unknown key; did you mean 'protocol'?",
        "forge.toml:3: services.echo.idle: expected more than 0; found -1",
        "forge.toml:4: sevices: unknown table; did you mean 'services'?",
        "3 problems in the settings; nothing was started",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"forge.toml"}


def test_bad_flags_are_named_as_flags(launch: Launch) -> None:
    server = launch("twistd", "-n", "netforge", "echo", "--protocol=ecko", "--listen=tcp:99999")
    assert server.finish() == 1
    assert "--protocol: expected 'echo'" in server.printed
    assert "--listen: expected a port from 0 to 65535" in server.printed


@pytest.mark.parametrize("how", ["daemon", "foreground", "netforge run"])
def test_a_taken_port_names_the_port_and_the_service(launch: Launch, tmp_path: Path, how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp:127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "forge.toml").write_text(f'[services.echo]\nlisten = ["{address}"]\n')
        if how == "netforge run":
            server = launch("netforge", "run", "forge.toml")
        else:
            server = launch("twistd", *(["-n"] if how == "foreground" else []), "netforge", "--config", "forge.toml")
        assert server.finish() == 1
    assert f"{address} (echo): Address already in use" in server.printed
    assert "Traceback" not in server.printed
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize("command", [("twistd", "-n", "netforge", "--config"), ("netforge", "run")])
def test_a_plugin_that_raises_at_build_is_named_and_the_status_is_1(
    launch: Launch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "late.py").write_text(LATE)
    (tmp_path / "forge.toml").write_text('[netforge]\nplugin_dirs = ["plugins"]\n[services.late]\n')
    server = launch(*command, "forge.toml")
    assert server.finish() == 1
    assert "service 'late' (forge.toml:3) failed to build: RuntimeError: no luck today" in server.printed
    assert "netforge is ready" not in server.printed
    assert not (tmp_path / "twistd.pid").exists()


def test_a_plugin_that_raises_at_import_is_named_and_stops_only_who_uses_it(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "forge.toml").write_text("[services.broken]\n")
    server = launch("netforge", "run", "forge.toml", "--plugin-dir", "plugins")
    assert server.finish() == 1
    assert "forge.toml:1: services.broken: plugin 'broken' from " in server.printed
    assert "No module named 'nothing_of_this_name'" in server.printed
    (tmp_path / "forge.toml").write_text('[services.echo]\nlisten = ["tcp:127.0.0.1:0"]\n')
    server = launch("netforge", "run", "forge.toml", "--plugin-dir", "plugins")
    server.wait_for("netforge is ready")
    assert server.end() == 0


def test_a_daemon_serves_and_writes_its_ready_file(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "forge.toml").write_text('[services.echo]\nlisten = ["tcp:127.0.0.1:0"]\n')
    server = launch("twistd", "netforge", "--config", "forge.toml", "--ready-file", "ready.json")
    assert server.finish() == 0
    wait_until(server.ready_file.exists)
    with server.connect("echo") as connection:
        assert echoed(connection, b"daemon") == b"daemon"
    pid = int((tmp_path / "twistd.pid").read_text())
    os.kill(pid, 15)
    wait_until(lambda: not (tmp_path / "twistd.pid").exists())
    assert "Server Shut Down" in (tmp_path / "twistd.log").read_text()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder for every user. What holds pytest's own folders is closed to others whenever a pytest begins."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def privileged_port() -> int:
    """A port below 1024 that is free."""
    for port in range(1023, 600, -1):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.skip("no port below 1024 is free")


@pytest.mark.skipif(os.getuid() != 0, reason="only root has privileges to drop")
def test_ports_are_bound_before_privileges_drop_and_services_run_after(launch: Launch, public: Path) -> None:
    nobody = 65534
    port = privileged_port()
    (public / "forge.toml").write_text(f'[services.echo]\nlisten = ["tcp:127.0.0.1:{port}", "unix:run/echo.sock"]\n')
    server = launch(
        *("twistd", "-n", f"--uid={nobody}", f"--gid={nobody}", "netforge", "--config", "forge.toml"),
        *("--ready-file", "ready.json"),
        folder=public,
    )
    server.wait_ready()
    assert Path(f"/proc/{server.process.pid}").stat().st_uid == nobody
    assert (public / "run" / "echo.sock").stat().st_uid == nobody
    with server.connect("echo") as connection:
        assert echoed(connection, b"privileged") == b"privileged"
    assert server.end() == 0
    assert not (public / "run" / "echo.sock").exists()


def test_systemd_passes_sockets_by_number_and_by_name(launch: Launch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
        datagram.bind(("127.0.0.1", 0))
        (tmp_path / "forge.toml").write_text('[services.echo]\nlisten = ["fd:web", "udp:fd:4"]\n')
        # LISTEN_PID must be the server's own, which only a shell that becomes the server knows.
        script = (
            f"exec 3<&{stream.fileno()} 4<&{datagram.fileno()}; "
            "export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:dgram; "
            f"exec {Path(sys.executable).parent}/netforge run forge.toml --ready-file ready.json"
        )
        server = launch("/bin/bash", "-c", script, pass_fds=(stream.fileno(), datagram.fileno()))
        server.wait_ready()
        with server.connect("echo") as connection, socket.socket(type=socket.SOCK_DGRAM) as client:
            assert echoed(connection, b"activated") == b"activated"
            client.settimeout(30)
            client.sendto(b"too", datagram.getsockname())
            assert client.recv(10) == b"too"
        assert server.end() == 0


def test_a_tac_file_and_a_multi_service_hold_a_forge(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "own.tac").write_text(
        "from twisted.application.service import Application, MultiService\n"
        "from twisted.internet import reactor\n"
        "from netforge.host import forge_from_text\n"
        "application = Application('own')\n"
        "parent = MultiService()\n"
        "parent.setServiceParent(application)\n"
        "forge = forge_from_text('[services.echo]\\nlisten = [\"tcp:127.0.0.1:0\"]', reactor)\n"
        "forge.setServiceParent(parent)\n"
        "forge.when_ready().addCallback(lambda _: print('at', forge.serving[0].address))\n"
    )
    server = launch("twistd", "-n", "-y", "own.tac")
    address = server.wait_for("at tcp:").split("at tcp:")[1].strip().rsplit(":", 1)
    with socket.create_connection((address[0], int(address[1]))) as connection:
        assert echoed(connection, b"tac") == b"tac"
    server.end()
    assert "Server Shut Down" in server.printed


def test_the_ready_file_is_json_of_the_promised_form(launch: Launch) -> None:
    server = launch("netforge", "run", "--free-ports", "--ready-file", "ready.json")
    ready = server.wait_ready()
    assert set(ready) == {"state", "services"}
    assert all(set(one) == {"name", "protocol", "address", "try"} for one in ready["services"])
    assert json.loads(server.ready_file.read_text()) == ready
    assert server.end() == 0


@pytest.mark.parametrize("command", [("twistd", "-n", "netforge", "--config"), ("netforge", "run")])
def test_a_ready_file_without_a_folder_starts_nothing(launch: Launch, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "forge.toml").write_text('[services.echo]\nlisten = ["tcp:127.0.0.1:0"]\n')
    server = launch(*command, "forge.toml", "--ready-file=nodir/x")
    assert server.finish() == 1
    assert server.printed.splitlines() == [f"--ready-file: there is no folder {tmp_path / 'nodir'}"]


def test_a_ready_file_that_cannot_be_written_later_hides_nothing(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "way.py").write_text(IN_THE_WAY)
    (tmp_path / "forge.toml").write_text('[netforge]\nplugin_dirs = ["."]\n[services.way]\n')
    server = launch("netforge", "run", "forge.toml", "--ready-file=folder/ready.json")
    awaited = {"the ready file is not written: ", "netforge is ready"}
    while awaited:  # in either order: they are written by different threads
        line = server.wait_for("")
        awaited = {text for text in awaited if text not in line}
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("reloaded: ")
    server.wait_for("the ready file is not written: ")
    assert server.end() == 0
    assert "Traceback" not in server.printed
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["ready.json"]


def test_the_ready_file_of_another_process_is_left_alone(launch: Launch, tmp_path: Path) -> None:
    ready, other = tmp_path / "ready.json", tmp_path / "other.json"
    other.write_text("another's")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = f'[services.echo]\nlisten = ["tcp:127.0.0.1:{taken.getsockname()[1]}"]\n'
        (tmp_path / "forge.toml").write_text(settings)
        ready.write_text("another's")
        assert launch("netforge", "run", "forge.toml", "--ready-file=ready.json").finish() == 1
        assert ready.read_text() == "another's"
    ready.unlink()
    server = launch("netforge", "run", "forge.toml", "--ready-file=ready.json")
    server.wait_ready()
    other.replace(ready)
    assert server.end() == 0
    assert ready.read_text() == "another's"
