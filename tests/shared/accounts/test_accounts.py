"""Logging in."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from sqlalchemy import select, update
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, fail
from twisted.logger import LogEvent
from zope.interface.verify import verifyObject

from netforge.plugin import (
    AccountsUnavailable,
    CertificateLogin,
    DatabaseUnavailable,
    IAccounts,
    IDatabase,
    Identity,
    KeyLogin,
    LoginRefused,
    PasswordLogin,
)
from netforge.shared.accounts import IAccountsAdmin
from netforge.shared.accounts.database import USED_EVERY
from netforge.shared.accounts.passwords import Passwords
from netforge.shared.accounts.tables import applications, users
from tests.shared.accounts.conftest import CHEAP, PEER, Office, RunOffice

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIk6i9Jtr0mZ2mWkMvBqCN0wXWkx1n3SxBzyHhVYxvSU ada@home"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDk6i9Jtr0mZ2mWkMvBqCN0wXWkx1n3SxBzyHhVYxvSU"
SUBJECT = "CN=ada,O=Example"


def wire(line: str) -> bytes:

    return b64decode(line.split()[1])


def test_they_provide_what_they_offer(office: Office) -> None:
    assert verifyObject(IAccounts, office.accounts)
    assert verifyObject(IAccountsAdmin, office.admin)


def test_name_and_password(database_settings: str, run_office: RunOffice) -> None:
    office = run_office(CHEAP + database_settings)
    office.admin_does("add", "ada", "pencil", groups=["staff", "mail"])
    assert office.by_password("ada", "pencil") == Identity("ada", frozenset({"staff", "mail"}), "password")
    assert office.refuses("ada", "Pencil")
    assert office.refuses("bob", "pencil")


def test_case_of_the_name_does_not_matter(office: Office) -> None:
    assert office.by_password("ADA", "pencil").name == "ada"


@pytest.mark.parametrize("name", ["", "a\0b", "a" * 256, "\ud800"], ids=["empty", "nul", "long", "surrogate"])
def test_what_is_no_name_is_refused(office: Office, name: str) -> None:
    assert office.refuses(name, "pencil")


@pytest.mark.parametrize("password", ["", "a" * 1025, "é" * 513], ids=["none", "ascii", "utf-8"])
def test_a_password_of_no_or_too_many_bytes_is_refused_before_hashing(office: Office, password: str) -> None:
    assert office.refuses("ada", password)
    assert "1 to 1024 bytes" in office.told[-1]["reason"]


def test_a_password_may_have_as_many_bytes_as_the_cap(office: Office) -> None:
    office.admin_does("set_password", "ada", "é" * 512)
    assert office.by_password("ada", "é" * 512).name == "ada"


def test_the_stored_hash_is_argon2id_with_the_parameters_of_the_settings(office: Office) -> None:
    stored = office.query(select(users.c.password))
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")


def test_a_locked_account_is_refused_until_it_is_unlocked(office: Office) -> None:
    office.admin_does("set_locked", "ada", True)
    assert office.refuses("ada", "pencil")
    assert office.told[-1]["reason"] == "the account is locked"
    office.admin_does("set_locked", "ada", False)
    assert office.by_password("ada", "pencil").name == "ada"


def test_the_refusal_says_nothing_of_the_reason(office: Office) -> None:
    office.admin_does("add", "bob", "pencil")
    office.admin_does("set_locked", "bob", True)
    texts = set()
    for name, password in [("ada", "wrong"), ("nobody", "pencil"), ("bob", "pencil"), ("", "pencil")]:
        with pytest.raises(LoginRefused) as caught:
            office.by_password(name, password)
        texts.add(str(caught.value))
        assert caught.value.__cause__ is None
    assert len(texts) == 1


def test_other_parameters_make_a_new_hash_at_the_next_login(office: Office, run_office: RunOffice) -> None:
    old = office.query(select(users.c.password))
    office.reload(CHEAP.replace("passes = 1", "passes = 2"))
    assert office.refuses("ada", "wrong")
    assert office.query(select(users.c.password)) == old
    assert office.by_password("ada", "pencil").name == "ada"
    new = office.query(select(users.c.password))
    assert "t=2" in new
    assert office.by_password("ada", "pencil").name == "ada"
    assert office.query(select(users.c.password)) == new


def test_a_new_hash_is_not_put_over_a_password_that_was_changed_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.reload(CHEAP.replace("passes = 1", "passes = 2"))
    hash_it = Passwords.hash

    async def hash_late(passwords: Passwords, origin: Any, password: str) -> str:
        new = await hash_it(passwords, origin, password)
        changing = update(users).values(password="changed")
        await office.components[IDatabase].run(lambda connection: connection.execute(changing))
        return new

    monkeypatch.setattr(Passwords, "hash", hash_late)
    assert office.by_password("ada", "pencil").name == "ada"
    assert office.query(select(users.c.password)) == "changed"


def test_a_user_without_a_password_cannot_be_had_by_one(office: Office) -> None:
    office.query(update(users).values(password="").returning(users.c.name))
    assert office.refuses("ada", "pencil")
    assert office.refuses("ada", "nobody's password")


def test_nobodys_password_is_nobodys(office: Office) -> None:
    assert office.refuses("nobody", "nobody's password")


def test_unknown_names_cost_a_hash_as_wrong_passwords_do(office: Office, hashed: list[tuple[str, str]]) -> None:
    for name in ("ada", "nobody"):
        assert office.refuses(name, "wrong")
    assert hashed == [("wrong", "m=8,t=1,p=1")] * 2


class TestApplicationPasswords:
    def test_one_logs_in_by_itself(self, office: Office) -> None:
        password = office.admin_does("add_application", "ada", "phone")
        assert office.by_password("ada", password).method == "application password"
        assert office.by_password("ada", password.replace("-", " ").upper()).name == "ada"
        assert office.by_password("ada", "pencil").method == "password"

    def test_it_is_for_its_user(self, office: Office) -> None:
        office.admin_does("add", "bob", "paper")
        password = office.admin_does("add_application", "ada", "phone")
        assert office.refuses("bob", password)

    def test_it_is_for_its_scopes(self, office: Office) -> None:
        password = office.admin_does("add_application", "ada", "phone", ["smtp", "imap"])
        for scope in ("smtp", "imap"):
            assert office.by_password("ada", password, scope=scope).name == "ada"
        for scope in ("files", "smt", "", "smtp imap"):
            assert office.refuses("ada", password, scope=scope)
        assert office.told[-1]["reason"] == "this application password is not for that"

    def test_a_locked_account_has_none(self, office: Office) -> None:
        password = office.admin_does("add_application", "ada", "phone")
        office.admin_does("set_locked", "ada", True)
        assert office.refuses("ada", password)

    def test_it_counts_no_more_when_it_is_removed(self, office: Office) -> None:
        password = office.admin_does("add_application", "ada", "phone")
        office.admin_does("remove_application", "ada", "phone")
        assert office.refuses("ada", password)

    def test_it_is_kept_as_a_hash(self, office: Office) -> None:
        password = office.admin_does("add_application", "ada", "phone")
        assert password.replace("-", "") not in office.query(select(applications.c.digest))

    def test_its_last_use_is_noted_once_an_hour(self, office: Office) -> None:
        password = office.admin_does("add_application", "ada", "phone")
        used = select(applications.c.used)
        assert office.query(used) is None
        office.by_password("ada", password)
        first = office.query(used)
        office.network.run(USED_EVERY / 2)
        office.by_password("ada", password)
        assert office.query(used) == first
        office.network.run(USED_EVERY)
        office.by_password("ada", password)
        assert office.query(used) >= first + USED_EVERY

    def test_it_costs_no_argon2(self, office: Office, hashed: list[tuple[str, str]]) -> None:
        password = office.admin_does("add_application", "ada", "phone")
        assert office.by_password("ada", password).name == "ada"
        assert hashed == []

    def test_one_for_something_else_costs_what_a_wrong_password_costs(
        self, office: Office, hashed: list[tuple[str, str]]
    ) -> None:
        password = office.admin_does("add_application", "ada", "phone", ["smtp"])
        assert office.refuses("ada", password, scope="files")
        assert hashed == [(password, "m=8,t=1,p=1")]


class TestKeys:
    def test_a_key_logs_in_its_user(self, database_settings: str, run_office: RunOffice) -> None:
        office = run_office(CHEAP + database_settings)
        office.admin_does("add", "ada", "pencil", groups=["staff"])
        office.admin_does("add_key", "ada", KEY)
        assert office.log_in(KeyLogin("Ada", wire(KEY))) == Identity("ada", frozenset({"staff"}), "key")

    def test_another_key_or_another_user_is_refused(self, office: Office) -> None:
        office.admin_does("add", "bob", "paper")
        office.admin_does("add_key", "ada", KEY)
        for name, key in [("ada", OTHER_KEY), ("bob", KEY), ("nobody", KEY)]:
            with pytest.raises(LoginRefused):
                office.log_in(KeyLogin(name, wire(key)))

    def test_a_locked_account_is_refused(self, office: Office) -> None:
        office.admin_does("add_key", "ada", KEY)
        office.admin_does("set_locked", "ada", True)
        with pytest.raises(LoginRefused):
            office.log_in(KeyLogin("ada", wire(KEY)))


class TestCertificates:
    def test_a_subject_stands_for_its_user(self, database_settings: str, run_office: RunOffice) -> None:
        office = run_office(CHEAP + database_settings)
        office.admin_does("add", "ada", "pencil")
        office.admin_does("add_certificate", "ada", SUBJECT)
        assert office.log_in(CertificateLogin(SUBJECT)) == Identity("ada", frozenset(), "certificate")
        assert office.log_in(CertificateLogin(SUBJECT, "ADA")).name == "ada"

    @pytest.mark.parametrize(
        "login", [CertificateLogin("CN=bob"), CertificateLogin(SUBJECT, "bob"), CertificateLogin("")]
    )
    def test_others_are_refused(self, office: Office, login: CertificateLogin) -> None:
        office.admin_does("add", "bob", "paper")
        office.admin_does("add_certificate", "ada", SUBJECT)
        with pytest.raises(LoginRefused):
            office.log_in(login)


class TestActingAs:
    def test_everybody_may_act_as_themselves(self, office: Office) -> None:
        assert office.log_in(PasswordLogin("ada", "pencil", "Ada")).name == "ada"

    def test_proxies_may_act_as_others(self, office: Office) -> None:
        office.admin_does("add", "postman", "bag", groups=["proxies"])
        identity = office.log_in(PasswordLogin("postman", "bag", "ada"))
        assert identity == Identity("ada", frozenset({"staff"}), "password")
        assert [office.told[-1][key] for key in ("account", "identity")] == ["postman", "ada"]

    @pytest.mark.parametrize("other", ["nobody", "bob", "a\0b"])
    def test_not_as_somebody_who_cannot_log_in(self, office: Office, other: str) -> None:
        office.admin_does("add", "postman", "bag", groups=["proxies"])
        office.admin_does("add", "bob", "paper")
        office.admin_does("set_locked", "bob", True)
        with pytest.raises(LoginRefused):
            office.log_in(PasswordLogin("postman", "bag", other))

    def test_nobody_else_may(self, office: Office) -> None:
        office.admin_does("add", "bob", "paper")
        with pytest.raises(LoginRefused):
            office.log_in(PasswordLogin("bob", "paper", "ada"))
        assert office.told[-1]["reason"] == "may not act as 'ada'"


def test_finding_somebody_to_deliver_to(office: Office) -> None:
    def find(name: str) -> Identity | None:
        found: Identity | None = office.do(lambda: office.accounts.find(name))
        return found

    assert find("ADA") == Identity("ada", frozenset({"staff"}), "none")
    assert find("nobody") is None
    assert find("a\0b") is None
    office.admin_does("set_locked", "ada", True)
    assert find("ada") is None
    assert office.told == []


def test_each_login_is_told_once(office: Office) -> None:
    office.by_password("ADA", "pencil", scope="smtp")
    office.refuses("ada", "wrong")
    good, bad = office.told
    shown = ("outcome", "account", "method", "scope", "peer", "connection", "identity", "reason")
    assert [good[key] for key in shown] == ["success", "ada", "password", "smtp", "192.0.2.1", "c1", "ada", ""]
    assert [bad[key] for key in shown] == [
        "failure",
        "ada",
        "password",
        "mail",
        "192.0.2.1",
        "c1",
        None,
        "the password is wrong",
    ]
    assert good["duration"] >= 0


def test_no_password_is_ever_told(office: Office) -> None:
    secret = "correct horse"
    application = office.admin_does("add_application", "ada", "phone", ["smtp"])
    office.admin_does("set_password", "ada", secret)
    office.by_password("ada", secret)
    office.refuses("ada", f"{secret} ")
    office.refuses("nobody", secret)
    office.refuses("ada", application)
    told = "".join(repr(event) for event in office._events)
    assert secret not in told
    assert application not in told


def test_logins_are_counted(office: Office) -> None:
    office.by_password("ada", "pencil")
    office.refuses("ada", "wrong")
    assert 'netforge_logins_total{method="password",outcome="success"} 1.0' in office.metrics
    assert 'netforge_logins_total{method="password",outcome="failure"} 1.0' in office.metrics
    assert "netforge_passwords_waiting 0.0" in office.metrics


def test_a_database_that_is_gone_is_nobodys_fault(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: object, **options: object) -> None:
        raise DatabaseUnavailable("it is on fire")

    monkeypatch.setattr(office.components[IDatabase], "run", run)
    for _ in range(30):
        with pytest.raises(AccountsUnavailable, match="it is on fire"):
            office.by_password("ada", "pencil")
    monkeypatch.undo()
    assert office.by_password("ada", "pencil").name == "ada"
    assert {event["outcome"] for event in office.told} == {"unavailable", "success"}


def test_a_database_that_cannot_write_keeps_nobody_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    application = office.admin_does("add_application", "ada", "phone")
    office.reload(CHEAP.replace("passes = 1", "passes = 2"))
    database = office.components[IDatabase]
    run = database.run

    def read(work: Any, *, read_only: bool = False) -> Any:
        return run(work, read_only=True) if read_only else fail(DatabaseUnavailable("the disk is full"))

    monkeypatch.setattr(database, "run", read)
    assert office.by_password("ada", "pencil").name == "ada"
    assert office.by_password("ada", application).name == "ada"


def test_who_hangs_up_is_told_of_and_stays_counted(office: Office) -> None:
    async def hang_up() -> None:
        done = office.accounts.authenticate(PasswordLogin("ada", "wrong"), PEER, scope="mail")
        done.cancel()
        try:
            await done
        except CancelledError:
            return
        raise AssertionError

    for _ in range(10):
        office.do(hang_up)
    assert office.told[-1]["outcome"] == "abandoned"
    assert office.refuses("ada", "pencil")
    assert office.by_password("ada", "pencil", IPv4Address("TCP", "192.0.2.2", 1)).name == "ada"


def test_what_the_cli_changes_counts_at_once(office: Office, events: list[LogEvent]) -> None:
    office.admin_does("set_password", "ada", "paper")
    assert office.refuses("ada", "pencil")
    assert office.by_password("ada", "paper").name == "ada"
    office.admin_does("delete", "ada")
    assert office.refuses("ada", "paper")


def test_accounts_outlive_the_process(office: Office, run_office: RunOffice) -> None:
    office.lab.stop()
    assert run_office(CHEAP).by_password("ada", "pencil").name == "ada"
