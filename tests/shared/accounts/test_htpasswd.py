"""Accounts in a file of ``htpasswd``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from twisted.logger import LogEvent

from netforge.host.errors import ServiceFailed
from netforge.plugin import LoginRefused
from netforge.shared.accounts.htpasswd import read_htpasswd
from netforge.shared.accounts.schemes import matcher_for
from netforge.testing import Network
from tests.shared.accounts.conftest import Office, RunOffice

SHA = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="  # of "password"
SETTINGS = '[shared.accounts]\nmemory = 8\npasses = 1\nsource = "htpasswd"\nhtpasswd = "people"\n'


class House:
    """A file, and accounts that come from it."""

    def __init__(self, run_office: RunOffice, folder: Path) -> None:
        self._run = run_office
        self._folder = folder
        self._office: Office | None = None

    @property
    def office(self) -> Office:
        self._office = self._office or self._run(SETTINGS)
        return self._office

    def write(self, text: str) -> None:
        """Exchange the file."""
        new = self._folder / "people.new"
        new.write_text(text)
        new.rename(self._folder / "people")

    def remove(self) -> None:
        (self._folder / "people").unlink()


@pytest.fixture
def house(run_office: RunOffice, tmp_path: Path) -> House:
    house = House(run_office, tmp_path)
    house.write(f"# people\n\nAda:{SHA}\n")
    return house


@pytest.mark.parametrize("option", ["-m", "-B", "-s"], ids=["apr1", "bcrypt", "sha"])
@pytest.mark.parametrize("password", ["p", "pencil", "exactly sixteen.", "päper " * 10, "x" * 100])
def test_what_apaches_htpasswd_writes_is_understood(option: str, password: str) -> None:
    written = subprocess.run(
        ["htpasswd", "-nb", option, "ada", password], capture_output=True, text=True, check=True
    ).stdout
    matches = read_htpasswd(written)["ada"]
    assert matches(password.encode())
    assert not matches(b"q" + password.encode()[1:])


def test_argon2_is_understood() -> None:
    matches = matcher_for(PasswordHasher(1, 8, 1).hash("pencil"))
    assert matches(b"pencil")
    assert not matches(b"paper")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ada", "line 1: expected name:hash"),
        (f"# x\nada:{SHA}\nbob:secret", "line 3: unknown scheme"),
        ("bob:$6$salt$secret", "line 1: unknown scheme: expected bcrypt"),
        ("bob:$apr1$secret", "line 1: unknown scheme"),
        ("bob:$argon2id$secret", "line 1: not a hash of Argon2"),
        (f":{SHA}", "line 1: a name has 1 to 255"),
        (f"ada:{SHA}\nADA:{SHA}", "line 2: 'ada' is there already"),
    ],
)
def test_a_wrong_line_is_named_and_its_hash_is_not(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_htpasswd(text)
    assert "secret" not in str(caught.value)


def test_without_its_library_bcrypt_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(ValueError, match=r"line 1: bcrypt needs a library: pip install 'netforge\[htpasswd\]'"):
        read_htpasswd("ada:$2y$05$abc")


def test_logging_in(house: House) -> None:
    assert house.office.by_password("ADA", "password").name == "ada"
    for name, password in [("ada", "wrong"), ("bob", "password")]:
        assert house.office.refuses(name, password)
    assert house.office.do(lambda: house.office.accounts.find("ada")).name == "ada"
    assert house.office.do(lambda: house.office.accounts.find("bob")) is None
    assert house.office.accounts.mechanisms(secure=True, certificate=True, binding=True) == ["PLAIN", "LOGIN"]


def test_an_empty_file_has_nobody(house: House) -> None:
    house.write("")
    with pytest.raises(LoginRefused):
        house.office.by_password("ada", "password")


def test_a_change_counts_at_once(house: House) -> None:
    assert house.office.refuses("bob", "password")
    house.write(f"bob:{SHA}\n")
    assert house.office.by_password("bob", "password").name == "bob"
    assert house.office.refuses("ada", "password")


@pytest.mark.parametrize("harm", ["wrong", "gone"])
def test_while_the_file_is_wrong_those_of_before_count_and_it_is_told_once(
    house: House, harm: str, events: list[LogEvent]
) -> None:
    assert house.office.by_password("ada", "password").name == "ada"
    assert house.office.complaints == {}
    if harm == "wrong":
        house.write("bob:secret\n")
    else:
        house.remove()
    for _ in range(3):
        assert house.office.by_password("ada", "password").name == "ada"
    problems = [event["problem"] for event in events if "problem" in event]
    assert len(problems) == 1
    assert ("line 1: unknown scheme" if harm == "wrong" else "No such file") in problems[0]
    assert list(house.office.complaints) == ["accounts"]
    house.write(f"bob:{SHA}\n")
    assert house.office.by_password("bob", "password").name == "bob"
    assert house.office.complaints == {}


def test_a_wrong_file_stops_the_start(house: House, network: Network) -> None:
    house.write("bob:secret\n")
    with pytest.raises(ServiceFailed, match="line 1: unknown scheme"):
        assert house.office
    network.failures.clear()
