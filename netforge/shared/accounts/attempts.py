"""One attempt to log in, from its admission to what the log says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IAddress, IReactorTime

from netforge.plugin import AccountsUnavailable, Identity, LoginRefused, TooManyFailures
from netforge.shared.accounts.guard import Admission, Guard, network_of
from netforge.shared.accounts.journal import Journal, Request
from netforge.shared.accounts.names import as_known
from netforge.shared.accounts.source import Wrong

__all__ = ["Attempt", "Attempts"]


class Attempt:
    """Somebody tries to log in.

    :ivar origin: where they are, for queues.
    """

    def __init__(self, request: Request, admission: Admission, journal: Journal, began: float) -> None:
        self.origin = admission.network
        self._request = request
        self._admission = admission
        self._journal = journal
        self._began = began

    def succeed(self, account: str, identity: Identity) -> Identity:
        """It was no failure.

        :param account: the account that was proved, which may not be that of the identity.
        """
        self._admission.take_back()
        request = Request(account, identity.method, self._request.scope, self._request.peer, self._request.connection)
        self._journal.note(request, "success", self._began, identity=identity.name)
        return identity

    @contextmanager
    def judged(self) -> Iterator[None]:
        """What is raised within is an outcome.

        :raises LoginRefused: for :exc:`Wrong`, without its reason, which only the log is told.
        """
        try:
            yield
        except Wrong as wrong:
            self._end("failure", str(wrong))
            raise LoginRefused("the login is refused") from None
        except AccountsUnavailable as error:
            self._admission.take_back()
            self._end("unavailable", str(error))
            raise
        except CancelledError:
            # It stays counted: else who hangs up in time could guess for ever.
            self._end("abandoned")
            raise

    def _end(self, outcome: str, reason: str = "") -> None:
        self._journal.note(self._request, outcome, self._began, reason)


class Attempts:
    """Admits attempts.

    :param clock: what time it is.
    :param guard: who may.
    :param journal: who is told.
    """

    def __init__(self, clock: IReactorTime, guard: Guard, journal: Journal) -> None:
        self._clock = clock
        self._guard = guard
        self._journal = journal

    def begin(self, account: str, method: str, peer: IAddress, scope: str, connection: str) -> Attempt:
        """Let somebody try.

        :param account: the name that they give.
        :raises TooManyFailures: they have to wait.
        """
        network = network_of(peer)
        host = getattr(peer, "host", None) or "unix"
        request = Request(account, method, scope, str(host), connection)
        try:
            admission = self._guard.admit(network, as_known(account))
        except TooManyFailures:
            self._journal.refused(request, str(network.network_address) if network.version == 4 else str(network))
            raise
        return Attempt(request, admission, self._journal, self._clock.seconds())
