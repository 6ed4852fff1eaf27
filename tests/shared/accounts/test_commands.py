"""``netforge user``: by itself, and as people type it."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netforge.plugin import Command, CommandFailed
from netforge.shared.accounts import accounts
from netforge.shared.accounts.prompt import ask_password
from tests.shared.accounts.conftest import Office, RunOffice
from tests.shared.accounts.test_accounts import KEY

NETFORGE = Path(sys.executable).parent / "netforge"
COMMANDS = {command.name.removeprefix("user "): command for command in accounts.contributed(Command)}


class Desk:
    """Where commands are given."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._office = office
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, command: str, typed: str = "", **options: Any) -> str:
        """Run a command, and return what it prints."""
        found: Command[Any] = COMMANDS[command]
        context: Any = self._office.components
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        self._office.do(lambda: found.run(context, found.options(**options)))
        return self._capsys.readouterr().out


@pytest.fixture
def desk(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    office.admin_does("delete", "ada")
    return Desk(office, monkeypatch, capsys)


def test_the_life_of_a_user(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_text(KEY)
    subject = "CN=ada,O=Example"
    assert desk("add", "pencil\n", name="Ada", group=["staff", "proxies"], scram=True) == ""
    assert desk("list") == "ada  scram, groups proxies staff\n"
    desk("passwd", "paper\n", name="ada", without_scram=True)
    desk("key", name="ada", file=file)
    desk("certificate", name="ada", subject=subject)
    desk("group", name="ada", group="proxies", remove=True)
    desk("group", name="ada", group="admins")
    desk("lock", name="ada")
    password = desk("app-password", name="ada", label="phone", scope=["smtp", "imap"]).strip()
    assert len(password) == 29
    assert desk("list") == "ada  locked, 1 application passwords, 1 keys, 1 certificates, groups admins staff\n"
    shown = desk("show", name="ADA")
    for part in ("  locked\n", "  group admins\n", "phone for smtp imap, made", "never used", "ada@home", subject):
        assert part in shown
    assert password not in shown
    desk("unlock", name="ada")
    desk("app-password", name="ada", label="phone", remove=True)
    desk("key", name="ada", file=file, remove=True)
    desk("certificate", name="ada", subject=subject, remove=True)
    assert desk("list") == "ada  groups admins staff\n"
    desk("delete", name="ada")
    assert desk("list") == ""


def test_a_new_password_counts(desk: Desk, office: Office) -> None:
    desk("add", "pencil\n", name="ada")
    assert office.by_password("ada", "pencil").name == "ada"
    desk("passwd", "paper and more \r\n", name="ada", scram=True)
    assert office.refuses("ada", "pencil")
    assert office.by_password("ada", "paper and more ").name == "ada"
    assert desk("list") == "ada  scram\n"


@pytest.mark.parametrize(
    ("command", "options", "why"),
    [
        ("lock", {"name": "bob"}, "there is no user 'bob'"),
        ("show", {"name": "bob"}, "there is no user 'bob'"),
        ("show", {"name": ""}, "1 to 255 characters"),
        ("add", {"name": "bob"}, "the password is empty"),
        ("key", {"name": "bob", "file": Path("/no/such/file")}, "/no/such/file"),
    ],
)
def test_what_is_wrong_is_said(desk: Desk, command: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(CommandFailed, match=why):
        desk(command, **options)


def test_accounts_that_are_kept_elsewhere_are_changed_there(
    run_office: RunOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people").write_text("ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
    office = run_office('[shared.accounts]\nsource = "htpasswd"\nhtpasswd = "people"\nmemory = 8\npasses = 1\n')
    desk = Desk(office, monkeypatch, capsys)
    for command, options in [("list", {}), ("lock", {"name": "ada"}), ("app-password", {"name": "ada", "label": "x"})]:
        with pytest.raises(CommandFailed, match="people: change them there"):
            desk(command, **options)


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answers", "why"), [(["pencil", "paper"], "differ"), ([""], "empty"), ([KeyboardInterrupt], "nothing was changed")]
)
def test_a_password_must_be_typed_twice(answers: list[Any], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(prompt: str) -> str:
        given = answers.pop(0)
        if given is KeyboardInterrupt:
            raise given
        text: str = given
        return text

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("netforge.shared.accounts.prompt.getpass", answer)
    with pytest.raises(CommandFailed, match=why):
        ask_password("ada")


def type_at_a_terminal(folder: Path, answers: list[str]) -> tuple[int, bytes]:
    """Add a user, and answer what is asked; the exit status, and all that was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv(NETFORGE, [str(NETFORGE), "user", "add", "ada"])
    said, asked = b"", 0
    try:
        while True:
            said += os.read(terminal, 1024)
            if said.endswith((b"Password for ada: ", b"Again: ")) and asked < len(answers):
                os.write(terminal, answers[asked].encode())
                asked += 1
    except OSError:
        # The other end is closed.
        pass
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


@pytest.mark.real
def test_at_a_terminal_it_asks_and_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "forge.toml").write_text("[shared.accounts]\nmemory = 8\npasses = 1\n")
    status, said = type_at_a_terminal(tmp_path, ["\x03"])
    assert (status, said.count(b"Traceback")) == (1, 0)
    status, said = type_at_a_terminal(tmp_path, ["pencil\n", "pencil\n"])
    assert status == 0
    assert b"pencil" not in said
    listed = subprocess.run([NETFORGE, "user", "list"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert listed.stdout == "ada\n"
