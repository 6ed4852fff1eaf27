"""``netforge trust``."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from twisted.internet.defer import ensureDeferred

from netforge.plugin import CommandFailed, ICertificates
from netforge.shared.certificates import trust as module
from netforge.shared.certificates.trust import TrustOptions, trust
from tests.shared.certificates.conftest import Issuer

PROGRAM = """#!/bin/sh
echo "$0" "$@" >> {log}
exit {status}
"""


class System:
    """A folder of roots, and the program that takes them over."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "roots"
        self.folder.mkdir()
        self._log = folder / "log"
        self._program = folder / "update"
        self.exits(0)
        monkeypatch.setattr(module, "FOLDER", self.folder)
        monkeypatch.setattr(module, "UPDATE", str(self._program))

    def exits(self, status: int) -> None:
        """Let the program end so."""
        self._program.write_text(PROGRAM.format(log=self._log, status=status))
        self._program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """The arguments of each call of the program."""
        return [line.partition(" ")[2] for line in self._log.read_text().splitlines()]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    return System(tmp_path, monkeypatch)


class Pool:
    """Threads that are none."""

    def callInThreadWithCallback(self, done: Any, call: Any, *arguments: Any) -> None:  # noqa: N802  Twisted's name
        try:
            result, success = call(*arguments), True
        except Exception as error:
            result, success = error, False
        done(success, result)


def run(pem: bytes, **options: bool) -> None:
    """Run the command, and raise what it raises."""
    reactor = SimpleNamespace(getThreadPool=Pool, callFromThread=lambda call, *arguments: call(*arguments))
    context: Any = type("Context", (dict,), {"reactor": reactor})()
    context[ICertificates] = SimpleNamespace(authority=lambda: pem)
    done: Any = ensureDeferred(trust(context, TrustOptions(**options)))
    outcomes: list[Any] = []
    done.addBoth(outcomes.append)
    if outcomes[0] is not None:
        outcomes[0].raiseException()


def test_it_prints_the_root_and_its_fingerprint(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    run(issuer.pem)
    printed = capsys.readouterr().out
    assert x509.load_pem_x509_certificate(printed.encode()) == issuer.certificate
    assert printed.endswith(f"SHA-256 fingerprint: {issuer.certificate.fingerprint(SHA256()).hex(':').upper()}\n")


def test_it_installs_the_root_and_removes_it(
    issuer: Issuer, system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    run(issuer.pem, install=True)
    [path] = system.folder.iterdir()
    assert (path.suffix, path.read_bytes()) == (".crt", issuer.pem)
    run(issuer.pem, remove=True)
    assert list(system.folder.iterdir()) == []
    assert system.calls == ["", "--fresh"]
    assert capsys.readouterr().out == f"installed {path}\nremoved {path}\n"


def test_roots_of_others_are_left_alone(issuer: Issuer, system: System) -> None:
    other = Issuer("other")
    run(issuer.pem, install=True)
    run(other.pem, install=True)
    run(issuer.pem, remove=True)
    [left] = system.folder.iterdir()
    assert left.read_bytes() == other.pem


def test_what_is_not_permitted_says_so(issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(CommandFailed, match=r"roots/netforge-\w+\.crt: Permission denied: run it as root"):
        run(issuer.pem, install=True)


def test_what_is_not_installed_cannot_be_removed(issuer: Issuer, system: System) -> None:
    with pytest.raises(CommandFailed, match="No such file"):
        run(issuer.pem, remove=True)


def test_a_system_without_such_a_program_is_told_what_to_do(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UPDATE", "no-such-program")
    with pytest.raises(CommandFailed, match="this system has no no-such-program"):
        run(issuer.pem, install=True)
    assert list(system.folder.iterdir()) == []


def test_a_program_that_fails_is_an_error(issuer: Issuer, system: System) -> None:
    system.exits(3)
    with pytest.raises(CommandFailed, match="update failed: it ended with status 3"):
        run(issuer.pem, install=True)


def test_both_at_once_make_no_sense(issuer: Issuer) -> None:
    with pytest.raises(CommandFailed, match="not both"):
        run(issuer.pem, install=True, remove=True)
