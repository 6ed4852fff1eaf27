"""Certificates of an ACME server for the store, ordered and renewed by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from netforge.plugin import IReactor
from netforge.shared.certificates.acme.renewal import due, pause
from netforge.shared.certificates.credential import Credential, read_credential
from netforge.shared.certificates.interfaces import ISource
from netforge.shared.durable import write_durably

__all__ = ["ACMESource", "Issue"]

T = TypeVar("T")

#: Orders a certificate for some names, and returns key and chain in one PEM text; given where the proofs of TLS-ALPN-01
#: go. Blocks.
Issue = Callable[[Sequence[str], MutableMapping[str, bytes]], bytes]


@implementer(ISource)
class ACMESource:
    """The certificates of one server. It is asked for one at a time.

    :param wanted: by the name of the certificate, the DNS names that it is for.
    :param issue: how one is ordered.
    :param folder: where they are kept, each with its key, mode 0600.
    :param reactor: the time, and the threads in which orders are placed.
    :param random: what keeps all the world from asking at once.
    :param log: where it is told how orders went.
    """

    def __init__(
        self,
        wanted: Mapping[str, Sequence[str]],
        issue: Issue,
        folder: Path,
        reactor: IReactor,
        random: Random,
        log: Logger,
    ) -> None:
        self.names = tuple(wanted)
        self._wanted = wanted
        self._issue = issue
        self._folder = folder
        self._reactor = reactor
        self._random = random
        self._log = log
        self._failures = dict.fromkeys(wanted, 0)
        self._calls: dict[str, IDelayedCall] = {}
        self._ordering = DeferredLock()
        self._stopped = False

    async def start(self, put: Callable[[Credential], None], challenges: MutableMapping[str, bytes]) -> None:
        """Give what is kept, and order what is missing or due, from now on."""
        self._put = put
        self._challenges = challenges
        for name, domains in self._wanted.items():
            try:
                kept = await self._in_thread(self._kept, name)
            except ValueError as error:
                reason = f"{self._path(name)}: {error}"
                again = "certificate {name!r} is ordered anew: {reason}"
                self._log.error(again, event="certificate", name=name, reason=reason)
                kept = None
            if kept is not None:
                put(kept)
            if kept is None or kept.names != frozenset(domains):
                self._plan(name, 0)
            else:
                self._plan_renewal(kept)

    async def stop(self) -> None:
        """Order nothing more. Done when the order that is under way has ended."""
        self._stopped = True
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
        await self._ordering.acquire()
        self._ordering.release()

    async def _order(self, name: str) -> None:
        """Order a certificate, unless it is too late for that."""
        async with self._ordering:
            if self._stopped:
                return
            try:
                pem = await self._in_thread(self._issue, self._wanted[name], self._challenges)
                credential = read_credential(name, pem, pem)
                await self._in_thread(write_durably, self._path(name), pem)
            except Exception as error:
                self._failed(name, error)
                return
        self._failures[name] = 0
        self._log.info(
            "certificate {name!r} was issued, valid until {expiry}",
            event="certificate",
            name=name,
            expiry=f"{credential.not_after:%Y-%m-%d %H:%M:%S} UTC",
        )
        if not self._stopped:
            self._put(credential)
            self._plan_renewal(credential)

    def _failed(self, name: str, error: Exception) -> None:
        self._failures[name] += 1
        wait = pause(self._failures[name], self._random).total_seconds()
        self._log.error(
            "no certificate {name!r} was issued: {reason}; the next attempt is in {minutes} minutes",
            event="certificate",
            name=name,
            reason=str(error) or type(error).__name__,
            minutes=round(wait / 60),
        )
        if not self._stopped:
            self._plan(name, wait)

    def _plan_renewal(self, credential: Credential) -> None:
        certificate = credential.chain[0]
        when = due(certificate.not_valid_before_utc, certificate.not_valid_after_utc, self._random)
        now = datetime.fromtimestamp(self._reactor.seconds(), UTC)
        self._plan(credential.name, max((when - now).total_seconds(), 0))

    def _plan(self, name: str, wait: float) -> None:
        self._calls[name] = self._reactor.callLater(wait, self._begin, name)

    def _begin(self, name: str) -> None:
        del self._calls[name]
        Deferred.fromCoroutine(self._order(name))

    def _kept(self, name: str) -> Credential | None:
        """What was issued before. Blocks."""
        try:
            pem = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        return read_credential(name, pem, pem)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pem"

    def _in_thread(self, call: Callable[..., T], *arguments: object) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *arguments)
