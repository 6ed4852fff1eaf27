"""Accounts that run on the simulated network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from argon2 import PasswordHasher
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.logger import LogEvent

from netforge.plugin import IAccounts, IDatabase, Identity, IReadings, Login, LoginRefused, PasswordLogin
from netforge.protocols.sasl import Client, Credentials
from netforge.protocols.sasl.mechanisms import MECHANISMS
from netforge.shared.accounts import IAccountsAdmin
from netforge.testing import Network
from tests.shared.conftest import Components, RunComponents

__all__ = ["CHEAP", "PEER", "Office", "RunOffice"]

T = TypeVar("T")

#: Hashing that costs next to nothing.
CHEAP = "[shared.accounts]\nmemory = 8\npasses = 1\n"
PEER = IPv4Address("TCP", "192.0.2.1", 50_000)


class Office:
    """Accounts, as a service sees them and as those who keep them do."""

    def __init__(self, components: Components, network: Network, events: list[LogEvent]) -> None:
        self.lab = components.lab
        self.network = network
        self.components = components
        self._events = events

    @property
    def accounts(self) -> Any:
        return self.components[IAccounts]

    @property
    def admin(self) -> Any:
        return self.components[IAccountsAdmin]

    def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something, and let time pass until it is done."""

        async def doing() -> T:
            return await work()

        return self.network.run_until(doing())

    def reload(self, settings: str) -> None:
        """Reload with other settings."""
        self.lab._next = self.lab._drawn(f"[services.user]\n{settings}")
        # Lab.reload begins outside the network's turns, where threads that are started are never run.
        self.do(self.lab.forge.reload)

    def admin_does(self, name: str, *arguments: Any, **options: Any) -> Any:
        return self.do(lambda: getattr(self.admin, name)(*arguments, **options))

    def query(self, statement: Any) -> Any:
        """Run a statement, and return its first value."""
        return self.do(lambda: self.components[IDatabase].run(lambda connection: connection.scalar(statement)))

    def log_in(self, login: Login, peer: IAddress = PEER, scope: str = "mail") -> Identity:
        identity: Identity = self.do(lambda: self.accounts.authenticate(login, peer, scope=scope, connection="c1"))
        return identity

    def by_password(self, name: str, password: str, peer: IAddress = PEER, **options: Any) -> Identity:
        return self.log_in(PasswordLogin(name, password), peer, **options)

    def refuses(self, name: str, password: str, peer: IAddress = PEER, **options: Any) -> bool:
        try:
            self.by_password(name, password, peer, **options)
        except LoginRefused:
            return True
        return False

    def converse(
        self,
        mechanism: str,
        credentials: Credentials,
        bindings: dict[str, bytes] | None = None,
        **options: Any,
    ) -> Identity:
        """A whole SASL exchange with a client of ours, which sends its first response with the mechanism's name."""
        client: Client = MECHANISMS[mechanism].client(credentials, self.network.random_for("client"), bindings or {})
        exchange = self.accounts.exchange(mechanism, PEER, scope="mail", connection="c1", bindings=bindings, **options)

        async def conversing() -> Identity:
            step = await exchange.respond(client.start())
            while step.identity is None:
                step = await exchange.respond(client.receive(step.challenge))
            client.finish(step.challenge)
            identity: Identity = step.identity
            return identity

        return self.do(conversing)

    @property
    def told(self) -> list[LogEvent]:
        """The events of authentications."""
        return [event for event in self._events if event.get("event") == "authentication"]

    @property
    def metrics(self) -> str:
        """What is measured."""
        shown: bytes = self.components[IReadings].numbers("")[1]
        return shown.decode()

    @property
    def complaints(self) -> dict[str, str]:
        """What is not healthy, and why."""

        async def look() -> dict[str, str]:
            return {name: wrong for name, wrong in (await self.components[IReadings].health()).items() if wrong}

        return self.do(look)


RunOffice = Callable[[str], Office]


@pytest.fixture
def run_office(components: RunComponents, network: Network, events: list[LogEvent]) -> RunOffice:
    """Runs accounts by settings."""
    return lambda settings: Office(
        components(settings, IAccounts, IAccountsAdmin, IDatabase, IReadings), network, events
    )


@pytest.fixture
def office(run_office: RunOffice) -> Office:
    """Accounts in SQLite, where ada's password is "pencil"."""
    office = run_office(CHEAP)
    office.admin_does("add", "ada", "pencil", groups=["staff"])
    return office


@pytest.fixture
def hashed(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The passwords that were looked at, each with the parameters of the hash."""
    found: list[tuple[str, str]] = []
    verify = PasswordHasher.verify

    def noted(hasher: PasswordHasher, stored: str, password: str) -> bool:
        found.append((password, stored.split("$")[3]))
        return verify(hasher, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    return found
