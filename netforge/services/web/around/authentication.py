"""Who may come in: accounts with their passwords (RFC 7617), and tokens (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import Error, a2b_base64
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from ipaddress import ip_address
from math import ceil
from pathlib import Path

from pydantic import field_validator, model_validator

from netforge.plugin import (
    AccountsUnavailable,
    Connection,
    Field,
    IAccounts,
    Identity,
    LoginRefused,
    PasswordLogin,
    TooManyFailures,
)
from netforge.protocols.http import Application, Exchange, HTTPError
from netforge.services.web.around.layer import Layer, Premises
from netforge.services.web.shorthand import Short

__all__ = ["AuthSettings", "Authentication", "read_tokens"]

#: Seconds that a password is believed without asking again: it comes with every request, and hashing it takes long.
BELIEVED = 60.0
MOST_BELIEVED = 1024

DIGEST = re.compile(r"[0-9a-f]{64}")


class AuthSettings(Short):
    """Who may come in."""

    realm: str = Field(
        "netforge", description="what a browser shows when it asks for a password", pattern=r'^[^"\\\x00-\x1f\x7f]+$'
    )
    passwords: bool = Field(True, description="whether accounts come in with their passwords (HTTP Basic)")
    groups: list[str] = Field([], description="the groups of which an account must be in one; all accounts if empty")
    scope: str = Field("web", description="what application passwords must be for")
    tokens: dict[str, str] = Field(
        {}, description="tokens of programs, each by a name: the SHA-256 of the token, in hexadecimal"
    )
    token_file: Path | None = Field(
        None, description="a file with further tokens: a name and the SHA-256 of the token a line", watch=True
    )

    @field_validator("tokens")
    @classmethod
    def _are_digests(cls, tokens: dict[str, str]) -> dict[str, str]:
        for name, digest in tokens.items():
            if not DIGEST.fullmatch(digest.lower()):
                raise ValueError(f"expected the SHA-256 of the token {name}, as sha256sum prints it")
        return {name: digest.lower() for name, digest in tokens.items()}

    @model_validator(mode="after")
    def _lets_anybody_in(self) -> AuthSettings:
        if not (self.passwords or self.tokens or self.token_file):
            raise ValueError("with passwords = false, tokens or token_file are required: nobody could come in")
        return self


def read_tokens(path: Path) -> Mapping[str, str]:
    """Tokens by their names, from a file with a name and a SHA-256 a line. What follows a ``#`` is left out.

    :raises ValueError: if a line is not like that.
    """
    tokens = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not DIGEST.fullmatch(words[1].lower()):
            raise ValueError(f"{path}:{number}: expected a name and the SHA-256 of a token")
        tokens[words[0]] = words[1].lower()
    return tokens


class Authentication:
    """Lets in who proves to be somebody. Nothing secret is taken from who could be listened to."""

    def __init__(self, settings: AuthSettings, premises: Premises) -> None:
        context = premises.context
        self._clock = context.clock
        self._accounts = context[IAccounts] if settings.passwords else None
        self._groups = frozenset(settings.groups)
        self._scope = settings.scope
        file = read_tokens(settings.token_file) if settings.token_file else {}
        self._tokens = {bytes.fromhex(digest): name for name, digest in {**settings.tokens, **file}.items()}
        realm = settings.realm.encode()
        self._challenges = [(b"www-authenticate", b'Basic realm="%b", charset="UTF-8"' % realm)] * settings.passwords
        self._challenges += [(b"www-authenticate", b'Bearer realm="%b"' % realm)] * bool(self._tokens)
        # Passwords are not kept in memory, nor what could be looked up in a table of their hashes.
        self._key = context.random.randbytes(32)
        self._believed: OrderedDict[bytes, tuple[float, Identity]] = OrderedDict()

    @classmethod
    def of(cls, settings: AuthSettings | None, premises: Premises) -> Layer | None:
        """The layer, where it is on."""
        return None if settings is None else cls(settings, premises).around

    def around(self, application: Application) -> Application:
        """Let only some in to an application."""

        def guarded(exchange: Exchange) -> Awaitable[object] | None:
            scheme, _, said = (exchange.request.header(b"authorization") or b"").partition(b" ")
            match scheme.lower():
                case b"bearer" if self._tokens:
                    _not_in_the_clear(exchange)
                    exchange.user = self._name_of_token(said.strip())
                    return application(exchange)
                case b"basic" if self._accounts is not None:
                    _not_in_the_clear(exchange)
                    digest = hmac.digest(self._key, said, "sha256")
                    if identity := self._remembered(digest):
                        self._let_in(exchange, identity)
                        return application(exchange)
                    return self._ask(self._accounts, exchange, said, digest, application)
                case _:
                    raise self._who_is_there()

        return guarded

    async def _ask(
        self, accounts: IAccounts, exchange: Exchange, said: bytes, digest: bytes, application: Application
    ) -> None:
        connection = Connection.of(exchange.transport)
        try:
            login = _login(said)
            identity = await accounts.authenticate(login, connection.peer, scope=self._scope, connection=connection.id)
        except TooManyFailures as failures:
            raise HTTPError(429, "too many failures", [(b"retry-after", b"%d" % ceil(failures.wait))]) from None
        except (LoginRefused, ValueError):
            raise self._who_is_there() from None
        except AccountsUnavailable:
            raise HTTPError(503, "nobody can be let in now") from None
        self._believed[digest] = self._clock.seconds() + BELIEVED, identity
        if len(self._believed) > MOST_BELIEVED:
            self._believed.popitem(last=False)
        self._let_in(exchange, identity)
        result = application(exchange)
        if result is not None:
            await result

    def _let_in(self, exchange: Exchange, identity: Identity) -> None:
        if self._groups and self._groups.isdisjoint(identity.groups):
            raise HTTPError(403, "this account may not come in here")
        exchange.user = identity.name

    def _remembered(self, digest: bytes) -> Identity | None:
        until, identity = self._believed.get(digest, (0.0, None))
        if identity is not None and until <= self._clock.seconds():
            del self._believed[digest]
            return None
        return identity

    def _name_of_token(self, token: bytes) -> str:
        # A variable of a shell that was not set has a digest, too.
        digest = hashlib.sha256(token).digest() if token else b""
        # All of them, so that the time tells nothing.
        names = [name for known, name in self._tokens.items() if hmac.compare_digest(known, digest)]
        if not names:
            raise self._who_is_there()
        return names[0]

    def _who_is_there(self) -> HTTPError:
        return HTTPError(401, "", self._challenges)


def _login(said: bytes) -> PasswordLogin:
    """What Basic says (RFC 7617, section 2).

    :raises ValueError: if it is not that.
    """
    try:
        name, colon, password = a2b_base64(said.strip(), strict_mode=True).decode().partition(":")
    except (Error, UnicodeDecodeError):
        raise ValueError("no name and password") from None
    if not colon or not name:
        raise ValueError("no name and password")
    return PasswordLogin(name, password)


def _not_in_the_clear(exchange: Exchange) -> None:
    """Refuse to read a secret that others can read too.

    :raises HTTPError: with status 403.
    """
    connection = Connection.of(exchange.transport)
    host = getattr(connection.peer, "host", None)
    if connection.tls is None and isinstance(host, str) and not ip_address(host.partition("%")[0]).is_loopback:
        raise HTTPError(403, "passwords and tokens are taken over HTTPS alone")
