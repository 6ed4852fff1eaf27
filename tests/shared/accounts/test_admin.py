"""Keeping accounts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from netforge.plugin import Command, IDatabase
from netforge.protocols.sasl import Verifier
from netforge.shared.accounts import Application, User, accounts
from netforge.shared.accounts.tables import applications, certificates, groups, keys, users
from tests.shared.accounts.conftest import CHEAP, Office, RunOffice
from tests.shared.accounts.test_accounts import KEY, OTHER_KEY

FINGERPRINT = "SHA256:cI7WnIaXhjC3N3c3UQsjEuTW8pFmcQV6Ac1uXkYuRZY"


@pytest.fixture
def either(database_settings: str, run_office: RunOffice) -> Office:
    office = run_office(CHEAP + database_settings)
    office.admin_does("add", "ada", "pencil", groups=["staff"])
    return office


def test_everything_of_a_user_is_shown_and_nothing_secret(either: Office) -> None:
    either.admin_does("add", "Bob", "paper", groups=["staff", "admins", "staff"], scram=True)
    password = either.admin_does("add_application", "bob", "phone", ["smtp", "imap"])
    either.admin_does("add_key", "bob", KEY)
    either.admin_does("add_certificate", "bob", "CN=bob")
    either.admin_does("set_locked", "bob", True)
    ada, bob = either.admin_does("users")
    made = bob.created
    ((fingerprint, comment),) = bob.keys
    assert comment == "ada@home"
    assert fingerprint.startswith("SHA256:")
    assert bob == User(
        "bob",
        True,
        made,
        True,
        ["admins", "staff"],
        [Application("phone", ["smtp", "imap"], bob.applications[0].created, None)],
        [(fingerprint, "ada@home")],
        ["CN=bob"],
    )
    assert (ada.name, ada.locked, ada.scram, ada.groups) == ("ada", False, False, ["staff"])
    assert made <= bob.applications[0].created
    assert password not in repr(bob)


def test_what_is_there_is_not_added_again(either: Office) -> None:
    either.admin_does("add_key", "ada", KEY)
    either.admin_does("add_certificate", "ada", "CN=ada")
    either.admin_does("add_application", "ada", "phone")
    either.admin_does("add", "bob", "paper")
    calls: list[tuple[str, ...]] = [
        ("add", "ADA", "paper"),
        ("add_group", "ada", "staff"),
        ("add_key", "ada", KEY),
        ("add_certificate", "bob", "CN=ada"),
        ("add_application", "ada", "phone"),
    ]
    for method, *arguments in calls:
        with pytest.raises(ValueError, match="is there already"):
            either.admin_does(method, *arguments)
    assert either.by_password("ada", "pencil").name == "ada"


def test_what_is_not_there_is_not_changed(office: Office) -> None:
    calls: list[tuple[Any, ...]] = [
        ("set_password", "bob", "paper"),
        ("set_locked", "bob", True),
        ("delete", "bob"),
        ("add_group", "bob", "staff"),
        ("add_key", "bob", KEY),
        ("add_certificate", "bob", "CN=bob"),
        ("add_application", "bob", "phone"),
    ]
    for method, *arguments in calls:
        with pytest.raises(ValueError, match="there is no user 'bob'"):
            office.admin_does(method, *arguments)
    calls = [
        ("remove_group", "ada", "admins"),
        ("remove_key", "ada", OTHER_KEY),
        ("remove_certificate", "ada", "CN=ada"),
        ("remove_application", "ada", "phone"),
    ]
    for method, *arguments in calls:
        with pytest.raises(ValueError, match="'ada' has not the"):
            office.admin_does(method, *arguments)


def test_everything_that_is_added_can_be_removed(either: Office) -> None:
    for what, argument in [("group", "admins"), ("key", KEY), ("certificate", "CN=ada"), ("application", "phone")]:
        before = either.admin_does("users")
        either.admin_does(f"add_{what}", "ada", argument)
        assert either.admin_does("users") != before
        either.admin_does(f"remove_{what}", "ada", argument)
        assert either.admin_does("users") == before


def test_all_that_belongs_to_a_user_goes_with_them(either: Office) -> None:
    either.admin_does("add_key", "ada", KEY)
    either.admin_does("add_certificate", "ada", "CN=ada")
    either.admin_does("add_application", "ada", "phone")
    either.admin_does("delete", "ADA")
    for table in (users, groups, applications, keys, certificates):
        assert either.query(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(
    ("method", "arguments", "why"),
    [
        ("add", ("", "paper"), "1 to 255 characters"),
        ("add", ("a\nb", "paper"), r"U\+000A"),
        ("add", ("bob", ""), "the password is empty"),
        ("add", ("bob", "a" * 1025), "at most 1024 bytes"),
        ("add", ("bob", "a\0b"), "no control characters"),
        ("set_password", ("ada", ""), "the password is empty"),
        ("add_group", ("ada", ""), "1 to 100 characters without spaces"),
        ("add_group", ("ada", "a b"), "without spaces"),
        ("add_application", ("ada", "my phone"), "without spaces"),
        ("add_application", ("ada", "phone", ["smtp imap"]), "without spaces"),
        ("add_application", ("ada", "phone", ["a\n"]), "without spaces"),
        ("add_certificate", ("ada", ""), "1 to 1024 characters"),
        ("add_key", ("ada", "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret"), "not an SSH public key"),
        ("add_key", ("ada", "ssh-ed25519 AAAA"), "not an SSH public key"),
        ("add_key", ("ada", KEY.replace("ssh-ed25519", "ssh-rsa")), "not an SSH public key"),
        ("add_key", ("ada", ""), "not an SSH public key"),
    ],
)
def test_what_is_not_taken(office: Office, method: str, arguments: Any, why: str) -> None:
    before = office.admin_does("users")
    with pytest.raises(ValueError, match=why) as caught:
        office.admin_does(method, *arguments)
    assert "secret" not in str(caught.value)
    assert office.admin_does("users") == before


def test_a_verifier_comes_and_goes_with_the_password(office: Office) -> None:
    verifier = select(users.c.verifier)
    for scram, there in [(None, False), (True, True), (None, True), (False, False)]:
        office.admin_does("set_password", "ada", "paper", scram=scram)
        stored = office.query(verifier)
        assert bool(stored) == there
        if there:
            assert len(Verifier.parse(stored).salt) == 16


def test_each_application_password_is_another(office: Office) -> None:
    made = {office.admin_does("add_application", "ada", f"phone{number}") for number in range(5)}
    assert len(made) == 5
    assert {len(one.replace("-", "")) for one in made} == {25}


def test_migrating_again_keeps_everything(office: Office) -> None:
    office.do(lambda: office.components[IDatabase].migrate("accounts", "netforge.shared.accounts.migrations"))
    assert office.by_password("ada", "pencil").name == "ada"


def test_the_commands_are_contributed() -> None:
    assert [command.name for command in accounts.contributed(Command)] == [
        f"user {name}"
        for name in [
            "add",
            "list",
            "show",
            "passwd",
            "lock",
            "unlock",
            "delete",
            "group",
            "key",
            "certificate",
            "app-password",
        ]
    ]
