"""Certificates in PEM files, taken over when the files change."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from netforge.plugin import IReactor, TLSPolicy
from netforge.shared.certificates.contexts import server_context
from netforge.shared.certificates.credential import Credential, read_credential
from netforge.shared.certificates.interfaces import ISource

__all__ = ["INTERVAL", "PEMFiles"]

#: Seconds between two looks.
INTERVAL = 5.0

#: What differs once a file was changed or replaced; ``None`` for one that is not there.
Stamp = tuple[int, int, int] | None
Stamps = tuple[Stamp, Stamp]

T = TypeVar("T")


@implementer(ISource)
class PEMFiles:
    """One certificate and its key.

    :param name: what it is called.
    :param certificate: the file with the certificate, followed by those that lead from it towards a root.
    :param key: the file with its private key; may be the same.
    :param reactor: whose threads read them.
    :param log: where it is told that they cannot be used.
    """

    def __init__(self, name: str, certificate: Path, key: Path, reactor: IReactor, log: Logger) -> None:
        self.names = (name,)
        self._name = name
        self._certificate = certificate
        self._key = key
        self._reactor = reactor
        self._log = log
        self._call = LoopingCall(self._look)
        self._call.clock = reactor

    async def start(self, put: Callable[[Credential], None], challenges: MutableMapping[str, bytes]) -> None:
        """Read the files, and look at them from now on.

        :raises ValueError: if they cannot be used.
        """
        self._seen, found = await self._in_thread(self._read, None)
        if isinstance(found, str):
            raise ValueError(found)  # noqa: TRY004  not a wrong type
        assert found is not None
        self._doubtful = self._seen
        self._put = put
        put(found)
        self._stopped = self._call.start(INTERVAL, now=False)

    async def stop(self) -> None:
        """Look no longer."""
        if self._call.running:
            self._call.stop()
            await self._stopped

    async def _look(self) -> None:
        stamps, found = await self._in_thread(self._read, self._seen)
        if isinstance(found, Credential):
            now = datetime.fromtimestamp(self._reactor.seconds(), UTC)
            if found.not_after <= now:
                found = f"it has expired at {found.not_after:%Y-%m-%d %H:%M:%S} UTC"
        if isinstance(found, Credential):
            self._seen = stamps
            self._put(found)
            self._log.info("certificate {name!r} was read anew", event="certificate", name=self._name)
        elif found is not None and stamps == self._doubtful:
            self._seen = stamps
            self._log.error(
                "certificate {name!r} cannot be used, the old one stays: {reason}",
                event="certificate",
                name=self._name,
                reason=found,
            )
        # What is no good may be half written, or one file be there before the other: it counts the second time.
        self._doubtful = stamps

    def _read(self, before: Stamps | None) -> tuple[Stamps, Credential | str | None]:
        """Read the files if they are not as before; what is wrong, if anything is. Blocks."""
        stamps = _stamp(self._certificate), _stamp(self._key)
        if stamps == before:
            return stamps, None
        try:
            credential = read_credential(self._name, self._certificate.read_bytes(), self._key.read_bytes())
            server_context(TLSPolicy(), credential, ())
        except Exception as error:  # whatever a file may hold
            return stamps, str(error)
        return stamps, credential

    def _in_thread(self, call: Callable[..., T], *arguments: Any) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *arguments)


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
