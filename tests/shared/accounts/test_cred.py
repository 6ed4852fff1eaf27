"""Accounts for what is written for ``twisted.cred``."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from netforge.shared.accounts.cred import portal
from tests.shared.accounts.conftest import PEER, Office


class IMailbox(Interface):
    """Somebody's mail."""


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatar: bytes | tuple[()], mind: object, *interfaces: Any) -> Any:  # noqa: N802  Twisted's
        return interfaces[0], avatar, lambda: None


def log_in(office: Office, name: bytes, password: bytes) -> Any:
    mail = portal(Realm(), office.accounts, PEER, scope="mail", connection="c1")

    def work() -> Deferred[Any]:
        done: Deferred[Any] = mail.login(UsernamePassword(name, password), None, IMailbox)
        return done

    return office.do(work)


def test_a_portal_lets_in_who_has_the_password(office: Office) -> None:
    interface, avatar, _ = log_in(office, b"Ada", b"pencil")
    assert interface is IMailbox
    assert avatar == b"ada"


@pytest.mark.parametrize(("name", "password"), [(b"ada", b"wrong"), (b"bob", b"pencil"), (b"\xff", b"\xff")])
def test_and_nobody_else(office: Office, name: bytes, password: bytes) -> None:
    with pytest.raises(UnauthorizedLogin):
        log_in(office, name, password)


def test_the_guard_knows_who_asks(office: Office) -> None:
    for _ in range(10):
        with pytest.raises(UnauthorizedLogin):
            log_in(office, b"ada", b"wrong")
    with pytest.raises(UnauthorizedLogin):
        log_in(office, b"ada", b"pencil")
    assert office.told[-1]["outcome"] == "refused"
    assert office.told[0]["scope"] == "mail"
