"""The ``netforge`` command, besides ``run``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from twisted.internet.protocol import Factory
from twisted.python.usage import UsageError

from netforge.cli import contributed
from netforge.cli.main import main
from netforge.cli.twistd import ForgeOptions
from netforge.host.serving import serving
from netforge.plugin import Internet, Listen, Stream
from tests.cli.conftest import Launch

RENAMED = '''
from netforge.plugin import Field, Listen, Settings, Stream, service

class OldSettings(Settings):
    """An old one."""

    listen: Listen = Listen("tcp:127.0.0.1:0")
    greeting: str = Field("hello", description="what to say", renamed_from="salute")

@service("old", OldSettings)
def old(settings, context):
    return []
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_help_lists_the_commands_of_plugins_too() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert {"check", "new", "plugins", "run", "schema", "tree", "echo"} <= set(result.output.split())


def test_check_says_that_a_file_is_right(folder: Path) -> None:
    (folder / "forge.toml").write_text("[services.echo]\n")
    result = invoke("check", "forge.toml")
    assert (result.exit_code, result.output) == (0, "forge.toml is right: 1 service\n")


def test_check_prints_every_problem(folder: Path) -> None:
    (folder / "forge.toml").write_text('[services.echo]\nprotocol = "ecko"\nidle = "long"\n')
    result = invoke("check", "forge.toml")
    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.output.splitlines()] == [
        ["forge.toml:2", "services.echo.protocol"],
        ["forge.toml:3", "services.echo.idle"],
    ]


def test_fix_renames_old_keys_and_keeps_every_other_letter(folder: Path) -> None:
    (folder / "plugins").mkdir()
    (folder / "plugins" / "old.py").write_text(RENAMED)
    text = '# ours\r\n[services.old]\r\n  "salute"  =  "hi"  # salute\r\n'
    (folder / "forge.toml").write_bytes(text.encode())
    warned = invoke("check", "forge.toml", "--plugin-dir", "plugins")
    assert warned.exit_code == 0
    assert (
        "warning: forge.toml:3: services.old.salute: is called 'greeting' now; netforge check --fix renames it"
        in warned.output
    )
    fixed = invoke("check", "--fix", "forge.toml", "--plugin-dir", "plugins")
    assert f"{folder / 'forge.toml'}: 1 key renamed" in fixed.output
    assert (folder / "forge.toml").read_bytes().decode() == text.replace('"salute"', "greeting")
    assert "warning" not in invoke("check", "forge.toml", "--plugin-dir", "plugins").output


def test_fix_keeps_a_symbolic_link_and_the_mode(folder: Path) -> None:
    (folder / "old.py").write_text(RENAMED)
    (folder / "etc").mkdir()
    real, link = folder / "etc" / "real.toml", folder / "forge.toml"
    real.write_text('[services.old]\nsalute = "hi"\n')
    real.chmod(0o640)
    link.symlink_to("etc/real.toml")
    assert invoke("check", "--fix", "forge.toml", "--plugin-dir", ".").exit_code == 0
    assert link.is_symlink()
    assert real.read_text() == '[services.old]\ngreeting = "hi"\n'
    assert real.stat().st_mode & 0o777 == 0o640
    assert list(real.parent.iterdir()) == [real]


@pytest.mark.parametrize("option", [["--state", "here"], ["--free-ports"]])
def test_options_of_the_lab_are_refused_with_a_file(folder: Path, option: list[str]) -> None:
    (folder / "forge.toml").write_text("")
    result = invoke("run", "forge.toml", *option)
    assert result.exit_code == 2
    assert f"give either FILE or {option[0]}, not both" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config=f", "--state=here"], "give either --config or --state, not both"),
        (["--config=f", "--free-ports"], "give either --config or --free-ports, not both"),
        (["--config=f", "echo"], "give either --config or the service echo, not both"),
        (["--free-ports", "echo"], "give either --free-ports or the service echo, not both"),
        (["--plugin-dir=nosuch"], "--plugin-dir: there is no folder 'nosuch'"),
    ],
)
def test_twistd_refuses_options_that_do_nothing(folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ForgeOptions().parseOptions(arguments)


@pytest.mark.parametrize(
    ("arguments", "state"),
    [(["--state=outer", "echo"], "outer"), (["--state=outer", "echo", "--state=inner"], "inner")],
)
def test_twistd_passes_the_state_on_to_the_service(folder: Path, arguments: list[str], state: str) -> None:
    options = ForgeOptions()
    options.parseOptions(arguments)
    assert options.source().read().host.state == folder / state


def test_a_line_to_try_may_hold_braces_of_its_own() -> None:
    part = Stream(Listen("tcp:127.0.0.1:0"), Factory(), try_it="curl -d '{}' http://{host}:{port}/{x} {nc}{path}")
    row = serving("web", "http", part, Internet("tcp", "0.0.0.0", 80))
    assert row.try_it == "curl -d '{}' http://127.0.0.1:80/{x} nc -w1 127.0.0.1 80"


def test_what_speaks_tls_is_tried_with_a_client_that_does() -> None:
    part = Stream(Listen("tcp:443"), Factory(), try_it="echo hello | {nc}")
    row = serving("echo", "echo", part, Internet("tcp", "0.0.0.0", 443), tls=True)
    assert row.try_it == "echo hello | timeout 1 openssl s_client -quiet -connect 127.0.0.1:443 2>/dev/null"


def test_plugins_lists_what_is_installed_and_what_is_broken(folder: Path) -> None:
    (folder / "broken.py").write_text("1 / 0\n")
    result = invoke("plugins", "--plugin-dir", ".")
    rows = {line.split()[0]: line for line in result.output.splitlines()}
    assert "service" in rows["echo"]
    assert "shared" in rows["bus"]
    assert "layer" in rows["sight"]
    assert "ZeroDivisionError: division by zero" in rows["broken"]
    assert "broken.py" in rows["broken"]


def test_schema_is_json_schema_of_every_service(folder: Path) -> None:
    schema = json.loads(invoke("schema").output)
    echo = schema["properties"]["services"]["properties"]["echo"]
    assert echo["properties"]["protocol"]["enum"][0] == "echo"
    table = echo["properties"]["listen"]["items"]["anyOf"][1]
    assert {"address", "log", "metrics"} <= set(table["properties"])
    assert table["additionalProperties"] is False
    assert "drain_deadline" in schema["properties"]["netforge"]["properties"]


def test_tree_draws_services_listeners_and_layers_without_starting(folder: Path) -> None:
    (folder / "forge.toml").write_text(
        '[services.echo]\nlisten = ["tcp:7", { address = "udp:7", log = false, metrics = false, limits = false }]\n'
    )
    result = invoke("tree", "forge.toml")
    assert "tcp:0.0.0.0:7 -> limits -> sight -> protocol" in result.output
    assert "udp:0.0.0.0:7 -> protocol" in result.output


def test_tree_of_the_lab_is_drawn_without_a_file(folder: Path) -> None:
    assert "daytime echo:" in invoke("tree").output
    assert not list(folder.iterdir())


def test_a_wrong_option_of_a_contributed_command_is_named() -> None:
    result = invoke("echo", "ping", "tcp:127.0.0.1:7", "--count", "0", "--size", "many")
    assert result.exit_code == 2
    assert "--count: expected at least 1; found '0'" in result.output
    assert "--size: expected a valid integer" in result.output


def test_every_contributed_command_has_its_help() -> None:
    ping = contributed.groups().commands["echo"]
    assert "ping" in invoke("echo", "--help").output
    assert ping.help


@pytest.mark.real
def test_ping_and_time_talk_to_the_lab(launch: Launch) -> None:
    server = launch("netforge", "run", "--free-ports", "--ready-file", "ready.json")
    server.wait_ready()
    for address in ("tcp:" + server.address("echo"), "udp:" + server.address("echo", "udp")):
        ping = launch("netforge", "echo", "ping", address, "--count=2")
        assert ping.finish() == 0
        assert [line.split(" time=")[0] for line in ping.printed.splitlines()] == [
            f"56 bytes from {address}: number=1",
            f"56 bytes from {address}: number=2",
        ]
    unix = launch("netforge", "echo", "ping", "unix:" + server.address("echo", "unix"), "--count=1", "--size=60000")
    assert unix.finish() == 0
    time = launch("netforge", "echo", "time", "tcp:" + server.address("time"))
    assert time.finish() == 0
    assert time.printed.endswith(" UTC\n")
    wrong = launch("netforge", "echo", "ping", "tcp:" + server.address("discard"), "--timeout=0.2")
    assert wrong.finish() == 1
    assert wrong.printed.startswith("Error: tcp:")
    assert server.end() == 0


LAB = '''
from netforge.plugin import Listen, Settings, service

class NewSettings(Settings):
    """New."""

    listen: Listen = Listen("tcp:127.0.0.1:0")

@service("{name}", NewSettings, lab="""
{lab}
""")
def new(settings, context):
    return []
'''


@pytest.mark.parametrize(
    ("lab", "reason"),
    [
        ("[services.echo]", "Cannot declare"),
        ('[services.new]\nlisten = "tcp:127.0.0.1:7007"', "tcp:127.0.0.1:7007 is taken"),
        ("[services.new]\nlistn = 1", "services.new.listn: unknown key; did you mean 'listen'?"),
    ],
)
def test_a_plugin_whose_lab_does_not_fit_is_left_out_of_it(folder: Path, lab: str, reason: str) -> None:
    (folder / "new.py").write_text(LAB.format(name="new", lab=lab))
    (folder / "fine.py").write_text(LAB.format(name="fine", lab="[services.fine]"))
    result = invoke("tree", "--plugin-dir", ".")
    assert "warning: new is left out of the lab: " in result.stderr
    assert reason in result.stderr
    branches = [line.split()[1] for line in result.stdout.splitlines() if line.startswith(("├", "└"))]
    assert "fine" in branches
    assert "echo" in branches
    assert "new" not in branches
