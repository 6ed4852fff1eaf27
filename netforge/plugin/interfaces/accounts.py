"""Accounts: who may log in, one user for all protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from zope.interface import Attribute, Interface

__all__ = [
    "AccountsUnavailable",
    "CertificateLogin",
    "ExchangeStep",
    "IAccounts",
    "IExchange",
    "Identity",
    "KeyLogin",
    "Login",
    "LoginRefused",
    "PasswordLogin",
    "TooManyFailures",
]


class LoginRefused(Exception):  # noqa: N818  says what happened
    """The credentials are not those of an account that may log in. What was wrong with them is not told to anyone
    but the log.
    """


class TooManyFailures(LoginRefused):
    """There were too many failures lately: nothing was looked at.

    :ivar wait: seconds until it makes sense to try again.
    """

    def __init__(self, wait: float) -> None:
        super().__init__(f"too many failures; try again in {wait:.0f} seconds")
        self.wait = wait


class AccountsUnavailable(Exception):  # noqa: N818  says what is the matter
    """The source of the accounts cannot be asked now. Nobody's password is to blame."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody has proved to be.

    :param name: the account's name.
    :param groups: the groups that it is in.
    :param method: how it was proved: ``password``, ``application password``, ``key``, ``certificate`` or ``scram``;
        ``none`` from :meth:`IAccounts.find`.
    """

    name: str
    groups: frozenset[str] = frozenset()
    method: str = "password"


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """A name and a password, either the account's or an application's.

    :param acting_as: the account to act as, where it is another (SASL's authorization identity); only members of the
        group ``proxies`` may.
    """

    name: str
    password: str = field(repr=False)
    acting_as: str = ""


@dataclass(frozen=True, slots=True)
class KeyLogin:
    """A public key whose private half the client has proved to hold.

    :param key: as SSH has it on the wire (RFC 4253, section 6.6).
    """

    name: str
    key: bytes


@dataclass(frozen=True, slots=True)
class CertificateLogin:
    """A client certificate that TLS has verified.

    :param subject: its subject as RFC 4514 writes it.
    :param acting_as: the account to act as; the certificate's own if empty.
    """

    subject: str
    acting_as: str = ""


#: What somebody logs in with.
Login = PasswordLogin | KeyLogin | CertificateLogin


@dataclass(frozen=True, slots=True)
class ExchangeStep:
    """What a SASL exchange says next.

    :param challenge: what to send to the client; ``None`` for nothing, which at the end differs from an empty one. At
        the end it goes out beside the success; a protocol without room for that sends it as a challenge, to which the
        response is empty, and then the success (RFC 4422, section 3.6).
    :param identity: who logged in, once the exchange has succeeded.
    """

    challenge: bytes | None = None
    identity: Identity | None = None


class IExchange(Interface):
    """A SASL exchange with one client (RFC 4422)."""

    mechanism: str = Attribute("its mechanism's name")

    def respond(response: bytes | None) -> Deferred[ExchangeStep]:
        """Take what the client says, not in base64; ``None`` if it said nothing yet.

        :raises LoginRefused: through the Deferred, if it failed; :exc:`TooManyFailures` too. The exchange is over then.
        :raises AccountsUnavailable: through the Deferred, likewise.
        """


class IAccounts(Interface):
    """Who may log in.

    Every login on every protocol goes through it, is counted by one guard against guessing, and gives one event in
    the log. It takes as long for unknown names as for wrong passwords.
    """

    def authenticate(login: Login, peer: IAddress, *, scope: str, connection: str = "-") -> Deferred[Identity]:
        """Find out whether a login is right.

        :param peer: who asks, for the guard: of a connection behind a proxy, ``Connection.of(transport).peer``.
        :param scope: what is to be used, such as ``smtp`` or ``files``; application passwords may be for some only.
        :param connection: the id of the connection, for the log.
        :raises LoginRefused: through the Deferred; :exc:`TooManyFailures` too, in which case nothing was hashed.
        :raises AccountsUnavailable: through the Deferred, if the source cannot be asked.
        """

    def mechanisms(*, secure: bool, certificate: bool = False, binding: bool = False) -> Sequence[str]:
        """The SASL mechanisms to advertise, the strongest first.

        :param secure: whether nobody can listen: TLS, or a peer on this machine. Without it, none that reveals the
            password is among them.
        :param certificate: whether the client has shown a certificate (EXTERNAL).
        :param binding: whether TLS gives a channel binding (the -PLUS variants).
        """

    def exchange(
        mechanism: str,
        peer: IAddress,
        *,
        scope: str,
        connection: str = "-",
        subject: str | None = None,
        bindings: dict[str, bytes] | None = None,
    ) -> IExchange:
        """Begin a SASL exchange.

        :param subject: the subject of the client's certificate, for EXTERNAL.
        :param bindings: channel bindings by their names, such as ``tls-exporter`` (RFC 9266).
        :raises ValueError: if there is no such mechanism.
        """

    def find(name: str) -> Deferred[Identity | None]:
        """The account of a name, such as to deliver mail to; ``None`` if there is none or it is locked."""
