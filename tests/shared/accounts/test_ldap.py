"""Accounts in a real directory."""

from __future__ import annotations

import gc
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from twisted.logger import LogEvent, Logger

from netforge.plugin import AccountsUnavailable
from netforge.shared.accounts import LDAPSettings
from netforge.shared.accounts.ldap import LDAPSource
from netforge.shared.accounts.source import Account, Attempted, Proof, Wrong
from tests.conftest import Drive
from tests.shared.accounts.directory import Directory

pytestmark = [
    pytest.mark.real,
    # What ldap3 uses is old.
    pytest.mark.filterwarnings(r"ignore:(tagMap|typeMap|ssl\.match_hostname\(\)) is deprecated:DeprecationWarning"),
]

Work = Callable[[LDAPSource], Awaitable[Any]]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    directory = Directory(tmp_path_factory.mktemp("directory"))
    yield directory
    directory.stop()


@pytest.fixture
def ask(directory: Directory, drive: Drive) -> Callable[..., None]:
    """Does something with a source that asks the directory."""

    def asking(work: Work, **changes: Any) -> None:
        settings = LDAPSettings(
            **{
                "url": f"ldap://127.0.0.1:{directory.port}",
                "base": "ou=people,dc=example,dc=org",
                "bind_dn": "cn=admin,dc=example,dc=org",
                "password_file": directory.folder / "password",
                "group_base": "ou=groups,dc=example,dc=org",
                "ca_file": directory.folder / "server.pem",
                **changes,
            }
        )

        async def scenario(reactor: Any) -> None:
            source = LDAPSource(settings, reactor, Logger())
            await source.start()
            try:
                await work(source)
            finally:
                await source.stop()

        drive(scenario)

    return asking


def tried(name: str, password: str) -> Attempted:
    return Attempted(name, password, "mail", "origin")


ADA = Account("ada", frozenset({"staff"}))


@pytest.mark.parametrize("tls", [False, True], ids=["plain on loopback", "TLS"])
def test_a_bind_proves_the_password_and_the_groups_are_found(
    ask: Callable[..., None], directory: Directory, tls: bool
) -> None:
    async def work(source: LDAPSource) -> None:
        assert await source.check(tried("ada", "pencil")) == Proof(ADA)
        assert await source.find("ada") == ADA
        assert await source.find("bob") is None

    ask(work, **({"url": f"ldaps://127.0.0.1:{directory.tls_port}"} if tls else {}))


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("bob", "pencil"),
        ("twin", "pencil"),
        ("*", "pencil"),
        ("a*", "pencil"),
        ("ada)(cn=*", "pencil"),
        ("ada\\", "pencil"),
        ("cn=admin,dc=example,dc=org", "admin-secret"),
    ],
)
def test_what_is_wrong_is_refused(ask: Callable[..., None], name: str, password: str) -> None:
    async def work(source: LDAPSource) -> None:
        with pytest.raises(Wrong):
            await source.check(tried(name, password))
        assert await source.check(tried("ada", "pencil")) == Proof(ADA)

    ask(work)


def test_without_a_place_for_groups_nobody_is_in_any(ask: Callable[..., None]) -> None:
    async def work(source: LDAPSource) -> None:
        assert await source.find("ada") == Account("ada")

    ask(work, group_base="")


@pytest.mark.parametrize(
    "changes",
    [{"bind_dn": "cn=nobody,dc=example,dc=org"}, {"ca_file": None, "url": "ldaps"}, {"url": "ldap://127.0.0.1:1"}],
    ids=["who may not search", "an authority that is not believed", "nobody there"],
)
def test_what_stops_the_start(ask: Callable[..., None], directory: Directory, changes: dict[str, Any]) -> None:
    if changes.get("url") == "ldaps":
        changes = {**changes, "url": f"ldaps://127.0.0.1:{directory.tls_port}"}

    async def work(source: LDAPSource) -> None:
        raise AssertionError

    with pytest.raises(AccountsUnavailable):
        ask(work, **changes)
    # What is left open is a failure here, and not in whatever test comes when it is collected.
    gc.collect()


def test_a_directory_that_is_gone_is_told_once_and_found_again(
    ask: Callable[..., None], directory: Directory, events: list[LogEvent]
) -> None:
    async def work(source: LDAPSource) -> None:
        source.look()
        directory.stop()
        try:
            for _ in range(3):
                with pytest.raises(AccountsUnavailable):
                    await source.check(tried("ada", "pencil"))
            with pytest.raises(AccountsUnavailable):
                source.look()
        finally:
            directory.start()
        assert await source.check(tried("ada", "pencil")) == Proof(ADA)
        source.look()

    ask(work)
    gc.collect()
    assert len([event for event in events if "problem" in event]) == 1
    assert not any("pencil" in repr(event) or "admin-secret" in repr(event) for event in events)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ldap3", None)
    settings: Any = LDAPSettings(url="ldaps://ldap.example.org", base="dc=example,dc=org")
    reactor: Any = None
    with pytest.raises(ValueError, match=r"pip install 'netforge\[ldap\]'"):
        LDAPSource(settings, reactor, Logger())


@pytest.mark.parametrize("url", ["ldap.example.org", "http://x", "ldaps://user:secret@x", "ldaps://x/dc=org"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        LDAPSettings(url=url, base="dc=example,dc=org")
