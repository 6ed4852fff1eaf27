"""Accounts as a shared component."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from netforge.plugin import (
    Context,
    Field,
    IAccounts,
    IDatabase,
    IHealth,
    IMetrics,
    Offer,
    Parts,
    Settings,
    Task,
    service,
)
from netforge.shared.accounts.commands import COMMANDS
from netforge.shared.accounts.interfaces import IAccountsAdmin

if TYPE_CHECKING:
    from netforge.shared.accounts.passwords import Passwords
    from netforge.shared.accounts.pool import FairPool
    from netforge.shared.accounts.source import Source

__all__ = ["AccountsSettings", "LDAPSettings", "accounts"]

THREADS = 2
"""How many passwords are hashed at once."""


class LDAPSettings(Settings):
    """Where accounts are in a directory."""

    url: str = Field(
        description="``ldaps://HOST``, or ``ldap://HOST``, where TLS is started first unless it is this machine",
        pattern=r"^ldaps?://[^/@]+/?$",
    )
    base: str = Field(description="where to look for people, such as ``ou=people,dc=example,dc=org``")
    filter: str = Field(
        "(uid={name})", description="which of them has a name; ``{name}`` stands for it", pattern=r"\{name\}"
    )
    bind_dn: str = Field("", description="who looks; nobody in particular if empty")
    password_file: Path | None = Field(None, watch=True, description="a file whose first line is the password of that")
    ca_file: Path | None = Field(
        None, watch=True, description="certificates of the authorities to believe; those of the system if left out"
    )
    group_base: str = Field("", description="where to look for groups; without it, nobody is in any")
    group_filter: str = Field(
        "(member={dn})", description="which groups somebody is in; ``{dn}`` and ``{name}`` stand for who it is"
    )
    timeout: int = Field(5, ge=1, le=60, description="seconds to wait for the directory")


class AccountsSettings(Settings):
    """Accounts: who may log in."""

    source: Literal["database", "htpasswd", "ldap"] = Field("database", description="where they are")
    htpasswd: Path | None = Field(None, description="the file, for ``htpasswd``")
    ldap: LDAPSettings | None = Field(None, description="the directory, for ``ldap``")
    memory: int = Field(19456, ge=8, le=4194304, description="KiB of memory for hashing a password by Argon2id")
    passes: int = Field(2, ge=1, le=100, description="passes over that memory")
    pair_failures: int = Field(
        10, ge=1, le=1000, description="failures a minute of one address for one account, after which it has to wait"
    )
    address_failures: int = Field(
        100, ge=1, le=10000, description="failures an hour of one address (IPv6: /64), after which it has to wait"
    )
    exempt: list[IPv4Network | IPv6Network] = Field(
        [], description="networks whose failures are not counted; UNIX sockets are 127.0.0.1"
    )

    @model_validator(mode="after")
    def _source_is_described(self) -> AccountsSettings:
        if self.source == "htpasswd" and self.htpasswd is None:
            raise ValueError('source = "htpasswd" needs htpasswd = "FILE"')
        if self.source == "ldap" and self.ldap is None:
            raise ValueError('source = "ldap" needs a table [shared.accounts.ldap]')
        return self


def _needed(settings: AccountsSettings) -> list[Any]:
    return [IMetrics, IHealth, *([IDatabase] if settings.source == "database" else [])]


@service(
    "accounts",
    AccountsSettings,
    needs=_needed,
    offers=[IAccounts, IAccountsAdmin],
    contributes=COMMANDS,
)
def accounts(settings: AccountsSettings, context: Context) -> Parts:
    """Accounts, and the guard against guessing."""
    # Late: what only a server needs.
    from netforge.shared.accounts.admin import AccountsAdmin  # noqa: PLC0415
    from netforge.shared.accounts.attempts import Attempts  # noqa: PLC0415
    from netforge.shared.accounts.guard import Failures, Guard  # noqa: PLC0415
    from netforge.shared.accounts.journal import Journal  # noqa: PLC0415
    from netforge.shared.accounts.keeper import Keeper  # noqa: PLC0415
    from netforge.shared.accounts.logins import Accounts  # noqa: PLC0415
    from netforge.shared.accounts.passwords import Passwords  # noqa: PLC0415
    from netforge.shared.accounts.pool import FairPool  # noqa: PLC0415

    pool = FairPool(context.name, THREADS, context.reactor)
    passwords = Passwords(settings.memory, settings.passes, pool, context.random)
    source = _source(settings, context, passwords, pool)
    journal = Journal(context.clock, context.log, context[IMetrics])
    failures = context.keep("failures", Failures)
    guard = Guard(context.clock, failures, settings.pair_failures, settings.address_failures, settings.exempt)
    made = Accounts(source, Attempts(context.clock, guard, journal), context.random)
    database = context[IDatabase] if settings.source == "database" else None
    admin = AccountsAdmin(database, source.place, passwords, pool, context.clock, context.random)
    keeper = Keeper(context, pool, passwords, source, journal)
    return [Offer(IAccounts, made), Offer(IAccountsAdmin, admin), Task(keeper.start, keeper.stop, "accounts")]


def _source(settings: AccountsSettings, context: Context, passwords: Passwords, pool: FairPool) -> Source:
    if settings.source == "database":
        from netforge.shared.accounts.database import DatabaseSource  # noqa: PLC0415

        return DatabaseSource(context[IDatabase], passwords, context.clock, context.random)
    if settings.source == "htpasswd":
        from netforge.shared.accounts.htpasswd import HtpasswdSource  # noqa: PLC0415

        assert settings.htpasswd is not None
        return HtpasswdSource(settings.htpasswd, pool, context.log)
    from netforge.shared.accounts.ldap import LDAPSource  # noqa: PLC0415

    assert settings.ldap is not None
    return LDAPSource(settings.ldap, context.reactor, context.log)
