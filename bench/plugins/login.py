"""A service that asks for a name and a password in a line, and says whether they are right. For the case ``auth``."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from netforge.plugin import (
    Connection,
    Context,
    IAccounts,
    Listen,
    LoginRefused,
    Parts,
    PasswordLogin,
    Settings,
    Stream,
    service,
)


class LoginSettings(Settings):
    """Logins to measure."""

    listen: list[Listen]


class Login(LineOnlyReceiver):
    """Answers ``yes`` or ``no`` to each line, whenever it is known."""

    delimiter = b"\n"

    def __init__(self, accounts: IAccounts) -> None:
        self._accounts = accounts

    def lineReceived(self, line: bytes) -> None:
        """Look whether name and password are right."""
        name, _, password = line.decode().partition(" ")
        assert self.transport is not None
        peer = Connection.of(self.transport).peer
        looking: Deferred[Any] = self._accounts.authenticate(PasswordLogin(name, password), peer, scope="bench")
        looking.addCallbacks(lambda _: self.sendLine(b"yes"), self._refused)

    def _refused(self, failure: Failure) -> None:
        failure.trap(LoginRefused)
        self.sendLine(b"no")


class LoginFactory(Factory):
    """Makes the protocols."""

    def __init__(self, accounts: IAccounts) -> None:
        self._accounts = accounts

    def buildProtocol(self, addr: object) -> Login:
        """One for each connection."""
        return Login(self._accounts)


@service("login", LoginSettings, needs=[IAccounts])
def login(settings: LoginSettings, context: Context) -> Parts:
    """Logins on every listener."""
    factory = LoginFactory(context[IAccounts])
    return [Stream(listen, factory) for listen in settings.listen]
