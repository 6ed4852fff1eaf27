"""``IAccounts``: every login goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from zope.interface import implementer

from netforge.plugin import CertificateLogin, IAccounts, Identity, IExchange, KeyLogin, Login, PasswordLogin
from netforge.protocols.sasl import MECHANISMS, Mechanism
from netforge.shared.accounts.attempts import Attempt, Attempts
from netforge.shared.accounts.exchange import Exchange
from netforge.shared.accounts.names import normalised
from netforge.shared.accounts.passwords import PASSWORD_CAP
from netforge.shared.accounts.source import Account, Attempted, Source, Wrong

__all__ = ["PROXIES", "Accounts"]

PROXIES = "proxies"
"""The group whose members may act as others."""


@implementer(IAccounts)
class Accounts:
    """Accounts of one source.

    :param source: who there is.
    :param attempts: who may try.
    :param random: the source of randomness.
    """

    def __init__(self, source: Source, attempts: Attempts, random: Random) -> None:
        self.source = source
        self.attempts = attempts
        self._random = random

    def authenticate(self, login: Login, peer: IAddress, *, scope: str, connection: str = "-") -> Deferred[Identity]:
        """See :meth:`netforge.plugin.IAccounts.authenticate`."""
        return Deferred.fromCoroutine(self._authenticate(login, peer, scope, connection))

    def mechanisms(self, *, secure: bool, certificate: bool = False, binding: bool = False) -> Sequence[str]:
        """See :meth:`netforge.plugin.IAccounts.mechanisms`."""
        return [
            name
            for name, one in MECHANISMS.items()
            if self._offers(one)
            and (secure or not one.reveals)
            and (certificate or not one.certificate)
            and (binding or not one.binding)
        ]

    def exchange(
        self,
        mechanism: str,
        peer: IAddress,
        *,
        scope: str,
        connection: str = "-",
        subject: str | None = None,
        bindings: dict[str, bytes] | None = None,
    ) -> IExchange:
        """See :meth:`netforge.plugin.IAccounts.exchange`."""
        kind = MECHANISMS.get(mechanism)
        if kind is None or not self._offers(kind) or (kind.binding and not bindings):
            raise ValueError(f"there is no mechanism {mechanism!r} here")
        core = kind.server(self._random, bindings or {})
        return Exchange(self, mechanism, core, peer, scope, connection, subject)

    def find(self, name: str) -> Deferred[Identity | None]:
        """See :meth:`netforge.plugin.IAccounts.find`."""
        return Deferred.fromCoroutine(self._find(name))

    async def become(self, account: Account | None, acting_as: str, method: str) -> Identity:
        """The identity of somebody who has proved to be an account.

        :param acting_as: the account to act as; empty for its own.
        :raises Wrong: if nobody may log in to the account, or if it may not act so.
        """
        if account is None:
            raise Wrong("unknown")
        if account.locked:
            raise Wrong("the account is locked")
        if acting_as:
            other = _name(acting_as)
            if other != account.name:
                if PROXIES not in account.groups:
                    raise Wrong(f"may not act as {other!r}")
                account = await self.source.find(other)
                if account is None or account.locked:
                    raise Wrong(f"cannot act as {other!r}, which is unknown or locked")
        return Identity(account.name, account.groups, method)

    def _offers(self, mechanism: Mechanism) -> bool:
        if mechanism.certificate:
            return self.source.certificates
        return self.source.scram or not mechanism.verifier

    async def _authenticate(self, login: Login, peer: IAddress, scope: str, connection: str) -> Identity:
        method = _METHODS[type(login)]
        account = login.subject if isinstance(login, CertificateLogin) else login.name
        attempt = self.attempts.begin(account, method, peer, scope, connection)
        proved: Account | None
        with attempt.judged():
            match login:
                case PasswordLogin():
                    proved, identity = await self._by_password(login, scope, attempt)
                case KeyLogin(name, key):
                    proved = await self.source.of_key(_name(name), key)
                    identity = await self.become(proved, "", method)
                case CertificateLogin(subject, acting_as):
                    proved = await self.source.of_certificate(subject)
                    identity = await self.become(proved, acting_as, method)
        return attempt.succeed(proved.name if proved else "", identity)

    async def _by_password(self, login: PasswordLogin, scope: str, attempt: Attempt) -> tuple[Account, Identity]:
        name = _name(login.name)
        if not 0 < len(login.password.encode(errors="surrogatepass")) <= PASSWORD_CAP:
            raise Wrong(f"a password has 1 to {PASSWORD_CAP} bytes")
        account, method = await self.source.check(Attempted(name, login.password, scope, attempt.origin))
        return account, await self.become(account, login.acting_as, method)

    async def _find(self, name: str) -> Identity | None:
        try:
            account = await self.source.find(normalised(name))
        except ValueError:
            return None
        if account is None or account.locked:
            return None
        return Identity(account.name, account.groups, "none")


_METHODS = {PasswordLogin: "password", KeyLogin: "key", CertificateLogin: "certificate"}


def _name(name: str) -> str:
    try:
        return normalised(name)
    except ValueError as error:
        raise Wrong(str(error)) from None
