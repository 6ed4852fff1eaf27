"""Accounts in the database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import TypeVar

from sqlalchemy import Connection, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from twisted.internet.interfaces import IReactorTime

from netforge.plugin import AccountsUnavailable, DatabaseUnavailable, IDatabase
from netforge.protocols.sasl import Verifier, fake_verifier
from netforge.shared.accounts.applications import digest_of
from netforge.shared.accounts.keys import fingerprint_of
from netforge.shared.accounts.passwords import Passwords
from netforge.shared.accounts.source import Account, Attempted, Proof, Source, Wrong
from netforge.shared.accounts.tables import applications, certificates, groups, keys, secrets, users

__all__ = ["DatabaseSource"]

T = TypeVar("T")

MIGRATIONS = "netforge.shared.accounts.migrations"

USED_EVERY = 3600.0
"""Seconds for which the last use of an application password stays as it is: not every login is to write."""

SCRAM_EVERY = 10.0
"""Seconds after which it is looked up again whether anybody has a verifier."""


class DatabaseSource(Source):
    """Accounts in the database. Other processes may change them at any time.

    What a login would write, it does without where that cannot be done: the next one tries again, and the database says
    itself what is the matter with it.

    :param database: the database.
    :param passwords: hashes.
    :param clock: what time it is.
    :param random: the source of randomness.
    """

    certificates = True

    def __init__(self, database: IDatabase, passwords: Passwords, clock: IReactorTime, random: Random) -> None:
        self.place = "the database"
        self._database = database
        self._passwords = passwords
        self._clock = clock
        self._random = random
        self._secret = b""
        self._scram = False
        self._looked = 0.0

    @property
    def scram(self) -> bool:
        if self._clock.seconds() >= self._looked + SCRAM_EVERY:
            # The answer counts for those who come next. If it cannot be had, they hear that when they log in.
            self._looked = self._clock.seconds()
            self._database.run(_any_verifier, read_only=True).addCallbacks(self._note_scram, _unavailable)
        return self._scram

    async def start(self) -> None:
        await self._database.migrate("accounts", MIGRATIONS)
        new = self._random.randbytes(32)
        try:
            self._secret = await self._run(lambda connection: _secret(connection, new))
        except IntegrityError:
            # Another process was faster.
            self._secret = await self._run(lambda connection: _secret(connection, new))
        self._note_scram(await self._read(_any_verifier))

    async def stop(self) -> None:
        """It is the database's own."""

    async def find(self, name: str) -> Account | None:
        return await self._read(lambda connection: _account(connection, name))

    async def check(self, attempted: Attempted) -> Proof:
        name, password, scope, origin = attempted
        digest = digest_of(password)
        found = await self._read(lambda connection: _look_up(connection, name, digest))
        if found.scopes is not None and found.account is not None and _covers(found.scopes, scope):
            with suppress(AccountsUnavailable):
                await self._note_use(name, digest, found.used)
            return Proof(found.account, "application password")
        # Also where that was an application password for something else: it says nothing by the time it takes.
        right = await self._passwords.verify(origin, found.password, password)
        if found.scopes is not None:
            raise Wrong("this application password is not for that")
        if found.account is None:
            raise Wrong("there is no such account")
        if not right:
            raise Wrong("the password is wrong")
        if self._passwords.outdated(found.password):
            with suppress(AccountsUnavailable):
                await self._rehash(name, found.password, password, origin)
        return Proof(found.account)

    async def of_key(self, name: str, key: bytes) -> Account | None:
        return await self._read(lambda connection: _of_key(connection, name, key))

    async def of_certificate(self, subject: str) -> Account | None:
        return await self._read(lambda connection: _of_certificate(connection, subject))

    async def verifier(self, name: str) -> Verifier:
        text = await self._read(
            lambda connection: connection.scalar(select(users.c.verifier).where(users.c.name == name))
        )
        return Verifier.parse(text) if text else fake_verifier(name, self._secret)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._run(work, read_only=True)

    async def _run(self, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
        try:
            return await self._database.run(work, read_only=read_only)
        except DatabaseUnavailable as error:
            raise AccountsUnavailable(str(error)) from error

    async def _note_use(self, name: str, digest: str, used: float | None) -> None:
        now = self._clock.seconds()
        if used is not None and used > now - USED_EVERY:
            return
        late = or_(applications.c.used.is_(None), applications.c.used < now)
        statement = update(applications).where(applications.c.user_name == name, applications.c.digest == digest, late)
        await self._run(lambda connection: connection.execute(statement.values(used=now)))

    async def _rehash(self, name: str, old: str, password: str, origin: object) -> None:
        new = await self._passwords.hash(origin, password)
        # Unless somebody has changed it meanwhile.
        statement = update(users).where(users.c.name == name, users.c.password == old)
        await self._run(lambda connection: connection.execute(statement.values(password=new)))

    def _note_scram(self, scram: bool) -> None:
        self._scram = scram
        self._looked = self._clock.seconds()


class _Found:
    """What the database has on a name and a password.

    :ivar password: the hash; empty if there is none.
    :ivar scopes: those of the application password that this is; ``None`` if it is none.
    :ivar used: when that was used last.
    """

    def __init__(self, account: Account | None, password: str, scopes: str | None, used: float | None) -> None:
        self.account = account
        self.password = password
        self.scopes = scopes
        self.used = used


def _look_up(connection: Connection, name: str, digest: str) -> _Found:
    account = _account(connection, name)
    password = connection.scalar(select(users.c.password).where(users.c.name == name)) or ""
    application = connection.execute(
        select(applications.c.scopes, applications.c.used).where(
            applications.c.user_name == name, applications.c.digest == digest
        )
    ).first()
    scopes, used = (None, None) if application is None else application
    return _Found(account, password, scopes, used)


def _account(connection: Connection, name: str) -> Account | None:
    locked = connection.scalar(select(users.c.locked).where(users.c.name == name))
    members = connection.scalars(select(groups.c.group_name).where(groups.c.user_name == name)).all()
    return None if locked is None else Account(name, frozenset(members), locked)


def _of_key(connection: Connection, name: str, key: bytes) -> Account | None:
    known = connection.scalar(
        select(keys.c.key).where(keys.c.user_name == name, keys.c.fingerprint == fingerprint_of(key))
    )
    return _account(connection, name) if known == key else None


def _of_certificate(connection: Connection, subject: str) -> Account | None:
    name = connection.scalar(select(certificates.c.user_name).where(certificates.c.subject == subject))
    return None if name is None else _account(connection, name)


def _secret(connection: Connection, new: bytes) -> bytes:
    """The secret that all who use the database share. Whoever comes first makes it."""
    known = connection.scalar(select(secrets.c.value))
    if known is None:
        connection.execute(insert(secrets).values(id=1, value=new))
    return new if known is None else known


def _any_verifier(connection: Connection) -> bool:
    return bool(connection.scalar(select(exists().where(users.c.verifier != ""))))


def _covers(scopes: str, scope: str) -> bool:
    return not scopes or scope in scopes.split()


def _unavailable(failure: object) -> None:
    """The database says itself what is the matter with it."""
