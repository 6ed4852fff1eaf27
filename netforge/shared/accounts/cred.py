"""Accounts for what is written for ``twisted.cred``."""

from __future__ import annotations

from typing import NoReturn

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import IAccounts, Identity, LoginRefused, PasswordLogin

__all__ = ["AccountsChecker", "portal"]


@implementer(ICredentialsChecker)
class AccountsChecker:
    """Checks names and passwords. The avatar's id is the account's name in UTF-8.

    One checker is for one connection: cred does not say who asks, and the guard has to know.

    :param accounts: who there is.
    :param peer: who asks.
    :param scope: what is to be used.
    :param connection: the id of the connection, for the log.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815  Twisted's

    def __init__(self, accounts: IAccounts, peer: IAddress, *, scope: str, connection: str = "-") -> None:
        self._accounts = accounts
        self._peer = peer
        self._scope = scope
        self._connection = connection

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:  # noqa: N802  Twisted's
        """See :meth:`twisted.cred.checkers.ICredentialsChecker.requestAvatarId`."""
        login = PasswordLogin(_text(credentials.username), _text(credentials.password))
        done = self._accounts.authenticate(login, self._peer, scope=self._scope, connection=self._connection)
        return done.addCallbacks(_name, _unauthorized)


def portal(realm: IRealm, accounts: IAccounts, peer: IAddress, *, scope: str, connection: str = "-") -> Portal:
    """A portal to a realm, for one connection; the arguments are those of :class:`AccountsChecker`."""
    return Portal(realm, [AccountsChecker(accounts, peer, scope=scope, connection=connection)])


def _name(identity: Identity) -> bytes | tuple[()]:
    return identity.name.encode()


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _unauthorized(failure: Failure) -> NoReturn:
    failure.trap(LoginRefused)
    raise UnauthorizedLogin(failure.getErrorMessage())
