"""``IAccountsAdmin`` over the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from sqlalchemy import Connection, TableClause, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from netforge.plugin import IDatabase
from netforge.protocols.sasl import make_verifier
from netforge.shared.accounts.applications import digest_of, make_application_password
from netforge.shared.accounts.interfaces import Application, IAccountsAdmin, User
from netforge.shared.accounts.keys import read_key
from netforge.shared.accounts.names import normalised
from netforge.shared.accounts.passwords import Passwords, check_new
from netforge.shared.accounts.pool import FairPool
from netforge.shared.accounts.tables import applications, certificates, groups, keys, users

__all__ = ["AccountsAdmin", "AccountsElsewhere"]

T = TypeVar("T")

ORIGIN = "admin"
SUBJECT_CAP = 1024


class AccountsElsewhere(ValueError):  # noqa: N818  says what is the matter
    """The accounts are not kept in the database, and cannot be changed from here."""


@implementer(IAccountsAdmin)
class AccountsAdmin:
    """Keeps the accounts in the database.

    :param database: where they are; ``None`` if they are elsewhere.
    :param place: where they are, for people.
    :param passwords: hashes.
    :param pool: does what takes long.
    :param clock: what time it is.
    :param random: the source of randomness.
    """

    def __init__(
        self,
        database: IDatabase | None,
        place: str,
        passwords: Passwords,
        pool: FairPool,
        clock: IReactorTime,
        random: Random,
    ) -> None:
        self._database = database
        self._place = place
        self._passwords = passwords
        self._pool = pool
        self._clock = clock
        self._random = random

    def users(self) -> Deferred[Sequence[User]]:
        """See :meth:`IAccountsAdmin.users`."""
        return Deferred.fromCoroutine(self._run(_users, read_only=True))

    def add(self, name: str, password: str, *, groups: Sequence[str] = (), scram: bool = False) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.add`."""
        return Deferred.fromCoroutine(self._add(name, password, groups, scram))

    def set_password(self, name: str, password: str, *, scram: bool | None = None) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.set_password`."""
        return Deferred.fromCoroutine(self._set_password(name, password, scram))

    def set_locked(self, name: str, locked: bool) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.set_locked`."""
        return self._change(name, partial(_update_user, locked=locked))

    def delete(self, name: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.delete`."""
        return self._change(name, _delete)

    def add_group(self, name: str, group: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.add_group`."""
        return self._insert(groups, name, f"the group {group!r}", group_name=_text(group))

    def remove_group(self, name: str, group: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.remove_group`."""
        return self._remove(groups, name, f"the group {group!r}", group_name=group)

    def add_application(self, name: str, label: str, scopes: Sequence[str] = ()) -> Deferred[str]:
        """See :meth:`IAccountsAdmin.add_application`."""
        password = make_application_password(self._random)
        values = {
            "label": _text(label),
            "digest": digest_of(password),
            "scopes": " ".join(map(_text, scopes)),
            "created": self._clock.seconds(),
        }
        done = self._insert(applications, name, f"the application password {label!r}", **values)
        return done.addCallback(lambda _: password)

    def remove_application(self, name: str, label: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.remove_application`."""
        return self._remove(applications, name, f"the application password {label!r}", label=label)

    def add_key(self, name: str, line: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.add_key`."""
        key = read_key(line)
        values = {"fingerprint": key.fingerprint, "key": key.key, "comment": key.comment}
        return self._insert(keys, name, f"the key {key.fingerprint}", **values)

    def remove_key(self, name: str, line: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.remove_key`."""
        fingerprint = read_key(line).fingerprint
        return self._remove(keys, name, f"the key {fingerprint}", fingerprint=fingerprint)

    def add_certificate(self, name: str, subject: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.add_certificate`."""
        if not 0 < len(subject) <= SUBJECT_CAP:
            raise ValueError(f"a subject has 1 to {SUBJECT_CAP} characters")
        return self._insert(certificates, name, f"the certificate {subject!r}", subject=subject)

    def remove_certificate(self, name: str, subject: str) -> Deferred[None]:
        """See :meth:`IAccountsAdmin.remove_certificate`."""
        return self._remove(certificates, name, f"the certificate {subject!r}", subject=subject)

    async def _add(self, name: str, password: str, members: Sequence[str], scram: bool) -> None:
        name = normalised(name)
        values = {
            "name": name,
            "locked": False,
            "created": self._clock.seconds(),
            "password": await self._hashed(password),
            "verifier": await self._verifier(password) if scram else "",
        }
        rows = [{"user_name": name, "group_name": _text(group)} for group in dict.fromkeys(members)]

        def work(connection: Connection) -> None:
            _insert(connection, users, f"{name!r} is there already", values)
            if rows:
                connection.execute(insert(groups), rows)

        await self._run(work)

    async def _set_password(self, name: str, password: str, scram: bool | None) -> None:
        name = normalised(name)
        hashed = await self._hashed(password)
        if scram is None:
            had = await self._run(lambda connection: _verifier_of(connection, name), read_only=True)
            scram = bool(had)
        verifier = await self._verifier(password) if scram else ""
        await self._run(lambda connection: _update_user(connection, name, password=hashed, verifier=verifier))

    async def _hashed(self, password: str) -> str:
        check_new(password)
        return await self._passwords.hash(ORIGIN, password)

    async def _verifier(self, password: str) -> str:
        return str(await self._pool.do(ORIGIN, lambda: make_verifier(password, self._random)))

    def _insert(self, table: TableClause, name: str, what: str, **values: Any) -> Deferred[None]:
        def work(connection: Connection, user: str) -> None:
            _look_for(connection, user)
            _insert(connection, table, f"{what} is there already", {"user_name": user, **values})

        return self._change(name, work)

    def _remove(self, table: TableClause, name: str, what: str, **values: Any) -> Deferred[None]:
        def work(connection: Connection, user: str) -> None:
            them = [table.c[key] == value for key, value in {"user_name": user, **values}.items()]
            if not connection.execute(delete(table).where(*them)).rowcount:
                raise ValueError(f"{user!r} has not {what}")

        return self._change(name, work)

    def _change(self, name: str, work: Callable[[Connection, str], T]) -> Deferred[T]:
        async def change() -> T:
            user = normalised(name)
            return await self._run(lambda connection: work(connection, user))

        return Deferred.fromCoroutine(change())

    async def _run(self, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
        if self._database is None:
            raise AccountsElsewhere(f"the accounts are those of {self._place}: change them there")
        return await self._database.run(work, read_only=read_only)


def _text(text: str) -> str:
    """Check what is to be the name of a group, a label or a scope."""
    if not 0 < len(text) <= 100 or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r}: expected 1 to 100 characters without spaces")
    return text


def _insert(connection: Connection, table: TableClause, message: str, values: dict[str, Any]) -> None:
    try:
        connection.execute(insert(table).values(values))
    except IntegrityError as error:
        raise ValueError(message) from error


def _look_for(connection: Connection, name: str) -> None:
    if not connection.scalar(select(exists().where(users.c.name == name))):
        raise ValueError(f"there is no user {name!r}")


def _update_user(connection: Connection, name: str, **values: Any) -> None:
    _look_for(connection, name)
    connection.execute(update(users).where(users.c.name == name).values(values))


def _delete(connection: Connection, name: str) -> None:
    _look_for(connection, name)
    # What belongs to the user goes with it.
    connection.execute(delete(users).where(users.c.name == name))


def _verifier_of(connection: Connection, name: str) -> str:
    return connection.scalar(select(users.c.verifier).where(users.c.name == name)) or ""


def _users(connection: Connection) -> Sequence[User]:
    """Everybody, in a statement a table."""
    theirs: dict[str, tuple[list[str], list[Application], list[tuple[str, str]], list[str]]] = {}
    everybody = connection.execute(select(users).order_by(users.c.name)).all()
    for row in everybody:
        theirs[row.name] = [], [], [], []
    for row in connection.execute(select(groups).order_by(groups.c.group_name)):
        theirs[row.user_name][0].append(row.group_name)
    for row in connection.execute(select(applications).order_by(applications.c.label)):
        one = Application(row.label, row.scopes.split(), row.created, row.used)
        theirs[row.user_name][1].append(one)
    for row in connection.execute(select(keys).order_by(keys.c.fingerprint)):
        theirs[row.user_name][2].append((row.fingerprint, row.comment))
    for row in connection.execute(select(certificates).order_by(certificates.c.subject)):
        theirs[row.user_name][3].append(row.subject)
    return [User(row.name, row.locked, row.created, bool(row.verifier), *theirs[row.name]) for row in everybody]
