"""SASL exchanges: the cores of ``netforge.protocols.sasl`` on one side, the accounts on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from zope.interface import implementer

from netforge.plugin import CertificateLogin, ExchangeStep, IExchange, PasswordLogin
from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.sasl import (
    CertificateClaimed,
    Challenge,
    NameGiven,
    PasswordGiven,
    Proved,
    ScramServer,
    Server,
    ServerEvent,
)
from netforge.shared.accounts.attempts import Attempt
from netforge.shared.accounts.names import as_known
from netforge.shared.accounts.source import Wrong

if TYPE_CHECKING:
    from netforge.shared.accounts.logins import Accounts

__all__ = ["Exchange"]


@implementer(IExchange)
class Exchange:
    """One exchange.

    :param core: the mechanism's.
    :param subject: the subject of the client's certificate.
    """

    def __init__(
        self,
        accounts: Accounts,
        mechanism: str,
        core: Server,
        peer: IAddress,
        scope: str,
        connection: str,
        subject: str | None,
    ) -> None:
        self.mechanism = mechanism
        self._accounts = accounts
        self._core = core
        self._peer = peer
        self._scope = scope
        self._connection = connection
        self._subject = subject
        self._attempt: Attempt | None = None

    def respond(self, response: bytes | None) -> Deferred[ExchangeStep]:
        """See :meth:`netforge.plugin.IExchange.respond`."""
        return Deferred.fromCoroutine(self._respond(response))

    async def _respond(self, response: bytes | None) -> ExchangeStep:
        match self._receive(response):
            case Challenge(data):
                return ExchangeStep(data)
            case PasswordGiven(name, password, authorization):
                return await self._log_in(PasswordLogin(name, password, authorization))
            case CertificateClaimed(authorization):
                return await self._log_in(CertificateLogin(self._subject or "", authorization))
            case NameGiven(name):
                return await self._look_up(name)
            case Proved() as proved:
                return await self._conclude(proved)

    def _receive(self, response: bytes | None) -> ServerEvent:
        """Let the core take a response. One that is malformed, or a wrong proof, is a failed attempt."""
        try:
            return self._core.receive(response)
        except RemoteProtocolError as error:
            attempt = self._attempt or self._begin("")
            with attempt.judged():
                raise Wrong(str(error)) from None
            raise AssertionError from error

    async def _log_in(self, login: PasswordLogin | CertificateLogin) -> ExchangeStep:
        identity = await self._accounts.authenticate(login, self._peer, scope=self._scope, connection=self._connection)
        return ExchangeStep(identity=identity)

    async def _look_up(self, name: str) -> ExchangeStep:
        """SCRAM begins. From now on it counts, so that nobody asks for verifiers without end."""
        assert isinstance(self._core, ScramServer)
        self._attempt = self._begin(name)
        with self._attempt.judged():
            verifier = await self._accounts.source.verifier(as_known(name))
            return ExchangeStep(self._core.supply(verifier).data)

    async def _conclude(self, proved: Proved) -> ExchangeStep:
        assert self._attempt is not None
        with self._attempt.judged():
            account = await self._accounts.source.find(as_known(proved.name))
            identity = await self._accounts.become(account, proved.authorization, "scram")
        assert account is not None
        return ExchangeStep(proved.data, self._attempt.succeed(account.name, identity))

    def _begin(self, name: str) -> Attempt:
        method = "scram" if isinstance(self._core, ScramServer) else self.mechanism.lower()
        return self._accounts.attempts.begin(name, method, self._peer, self._scope, self._connection)
