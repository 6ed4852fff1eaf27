"""Accounts in a file of Apache's ``htpasswd``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from twisted.logger import Logger

from netforge.plugin import AccountsUnavailable
from netforge.shared.accounts.names import normalised
from netforge.shared.accounts.pool import FairPool
from netforge.shared.accounts.schemes import Matcher, matcher_for
from netforge.shared.accounts.source import Account, Attempted, Proof, Source, Wrong

__all__ = ["HtpasswdSource", "read_htpasswd"]


def read_htpasswd(text: str) -> Mapping[str, Matcher]:
    """Read a file: a line ``name:hash`` each; empty lines, and those that begin with ``#``, do not count.

    :return: what checks the password, by normalised name.
    :raises ValueError: with the number of the line, and never with a hash.
    """
    found: dict[str, Matcher] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, stored = line.strip().partition(":")
        try:
            if not colon:
                raise ValueError("expected name:hash")  # noqa: TRY301  the line's number is added below
            name = normalised(name)
            if name in found:
                raise ValueError(f"{name!r} is there already")  # noqa: TRY301
            found[name] = matcher_for(stored.partition(":")[0])
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return found


class HtpasswdSource(Source):
    """Accounts in a file, which is read again when it has changed. While it is wrong, those of before count.

    :param path: the file.
    :param pool: where it is read, and passwords are hashed.
    :param log: is told when it becomes wrong, and when it is right again.
    """

    def __init__(self, path: Path, pool: FairPool, log: Logger) -> None:
        self.place = str(path)
        self._path = path
        self._pool = pool
        self._log = log
        self._lock = Lock()
        self._stamp: tuple[int, ...] = ()
        self._matchers: Mapping[str, Matcher] = {}
        self._problem = ""

    async def start(self) -> None:
        await self._pool.do(self.place, self._refresh)
        if self._problem:
            raise AccountsUnavailable(self._problem)

    async def stop(self) -> None:
        """Nothing is held."""

    async def find(self, name: str) -> Account | None:
        known = await self._pool.do(self.place, lambda: name in self._refresh())
        return Account(name) if known else None

    async def check(self, attempted: Attempted) -> Proof:
        name, password = attempted.name, attempted.password.encode(errors="surrogatepass")

        def work() -> tuple[bool, bool]:
            matchers = self._refresh()
            # For unknown names, somebody else's, so that the time says nothing.
            matcher = matchers.get(name) or next(iter(matchers.values()), None)
            return name in matchers, matcher is not None and matcher(password)

        known, right = await self._pool.do(attempted.origin, work)
        if not known:
            raise Wrong("there is no such account")
        if not right:
            raise Wrong("the password is wrong")
        return Proof(Account(name))

    def look(self) -> None:
        if self._problem:
            raise AccountsUnavailable(self._problem)

    def _refresh(self) -> Mapping[str, Matcher]:
        """What the file holds now. Runs in threads."""
        with self._lock:
            try:
                status = self._path.stat()
                stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                if stamp != self._stamp:
                    self._matchers = read_htpasswd(self._path.read_text(encoding="utf-8"))
                    self._stamp = stamp
                    self._note("")
                elif self._problem:
                    # It is there again, as it was.
                    self._note("")
            except (OSError, ValueError) as error:
                self._note(f"{self._path}: {getattr(error, 'strerror', None) or error}")
            return self._matchers

    def _note(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._log.error("the accounts stay as they were: {problem}", problem=problem)
        elif self._problem and not problem:
            self._log.info("{path} is right again", path=self.place)
        self._problem = problem
