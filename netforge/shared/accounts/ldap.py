"""Accounts in an LDAP directory: found by a search, proved by a bind."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from twisted.logger import Logger

from netforge.plugin import AccountsUnavailable, IReactor
from netforge.shared.accounts.plugin import LDAPSettings
from netforge.shared.accounts.pool import FairPool
from netforge.shared.accounts.source import Account, Attempted, Proof, Source, Wrong

__all__ = ["LDAPSource"]

T = TypeVar("T")

THREADS = 4
#: The results busy and unavailable (RFC 4511, section 4.1.9): they do not say that a password is wrong.
BUSY = (51, 52)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class LDAPSource(Source):
    """Accounts in a directory. Every question has a connection of its own.

    :param settings: where it is.
    :param reactor: what it runs on.
    :param log: is told when it cannot be reached, and when it can again.
    :raises ValueError: if ldap3 is not installed.
    """

    def __init__(self, settings: LDAPSettings, reactor: IReactor, log: Logger) -> None:
        try:
            import ldap3  # noqa: PLC0415  an extra
        except ImportError:
            raise ValueError("LDAP needs a library: pip install 'netforge[ldap]'") from None
        self._ldap3: Any = ldap3
        self.place = settings.url
        self._settings = settings
        self._pool = FairPool("ldap", THREADS, reactor)
        self._log = log
        self._problem = ""
        file = settings.password_file
        self._password = file.read_text(encoding="utf-8").split("\n", 1)[0] if file else None

    async def start(self) -> None:
        self._pool.start()
        try:
            await self._ask("", lambda connection: None)
        except AccountsUnavailable:
            await self._pool.stop()
            raise

    async def stop(self) -> None:
        await self._pool.stop()

    async def find(self, name: str) -> Account | None:
        found = await self._ask("", lambda connection: self._search(connection, name))
        return found[1] if found else None

    async def check(self, attempted: Attempted) -> Proof:
        name = attempted.name

        def work(connection: Any) -> tuple[Account | None, bool]:
            found = self._search(connection, name)
            # Somebody who is not there is asked for too, so that the time says nothing.
            dn = found[0] if found else f"cn=nobody,{self._settings.base}"
            right = connection.rebind(dn, attempted.password, read_server_info=False)
            if connection.result["result"] in BUSY:
                raise self._ldap3.core.exceptions.LDAPBindError(connection.result["description"])
            return found[1] if found else None, right

        account, right = await self._ask(attempted.origin, work)
        if account is None:
            raise Wrong("there is no such account")
        if not right:
            raise Wrong("the password is wrong")
        return Proof(account)

    def look(self) -> None:
        if self._problem:
            raise AccountsUnavailable(self._problem)

    async def _ask(self, origin: object, work: Callable[[Any], T]) -> T:
        """Ask the directory something, in a thread.

        :raises AccountsUnavailable: if it does not answer, or not to us.
        """
        from ldap3.core.exceptions import LDAPException  # noqa: PLC0415

        def asking() -> T:
            with self._connected() as connection:
                return work(connection)

        try:
            answer = await self._pool.do(origin, asking)
        except LDAPException as error:
            self._note(f"{self.place}: {error}")
            raise AccountsUnavailable(self._problem) from error
        self._note("")
        return answer

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """A connection that may search. Runs in threads."""
        settings, ldap3 = self._settings, self._ldap3
        url = urlsplit(settings.url)
        host = url.hostname or ""
        encrypted = url.scheme == "ldaps"
        authorities = settings.ca_file and str(settings.ca_file)
        # A new one each time, since it remembers for minutes that it could not be reached.
        server = ldap3.Server(
            host,
            port=url.port,
            use_ssl=encrypted,
            tls=ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=authorities),
            get_info=ldap3.NONE,
            connect_timeout=settings.timeout,
        )
        connection = ldap3.Connection(
            server,
            settings.bind_dn or None,
            self._password,
            receive_timeout=settings.timeout,
            read_only=True,
            auto_referrals=False,
        )
        try:
            connection.open(read_server_info=False)
            if not encrypted and host not in LOOPBACK:
                connection.start_tls(read_server_info=False)
            if not connection.bind(read_server_info=False):
                raise ldap3.core.exceptions.LDAPBindError(f"{settings.bind_dn!r} may not search")
            yield connection
        finally:
            opened = connection.socket
            connection.unbind()
            # Which ldap3 leaves to the garbage collector if it could not connect or agree on TLS.
            if opened is not None:
                opened.close()

    def _search(self, connection: Any, name: str) -> tuple[str, Account] | None:
        """The entry of a name, and its account. Two of one name are nobody's."""
        settings = self._settings
        entries = self._entries(connection, settings.base, settings.filter, name=name)
        if len(entries) != 1:
            return None
        dn = str(entries[0]["dn"])
        found: list[Any] = []
        if settings.group_base:
            found = self._entries(connection, settings.group_base, settings.group_filter, ["cn"], name=name, dn=dn)
        groups = frozenset(str(one) for entry in found for one in entry["attributes"]["cn"])
        return dn, Account(name, groups)

    def _entries(
        self, connection: Any, base: str, template: str, attributes: list[str] | None = None, **values: str
    ) -> list[Any]:
        from ldap3.utils.conv import escape_filter_chars  # noqa: PLC0415

        text = template
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", escape_filter_chars(value))
        connection.search(base, text, attributes=attributes)
        return [entry for entry in connection.response or [] if entry.get("type") == "searchResEntry"]

    def _note(self, problem: str) -> None:
        if problem and not self._problem:
            self._log.error("the directory cannot be asked: {problem}", problem=problem)
        elif self._problem and not problem:
            self._log.info("{place} answers again", place=self.place)
        self._problem = problem
