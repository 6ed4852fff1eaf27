"""Passwords: Argon2id, in threads."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from netforge.shared.accounts.pool import FairPool

__all__ = ["PASSWORD_CAP", "Passwords", "check_new"]

PASSWORD_CAP = 1024
"""The most bytes of a password, in UTF-8."""

SALT = 16
"""Bytes of salt (RFC 9106, section 3.1)."""


def check_new(password: str) -> None:
    """Look whether something may become a password.

    :raises ValueError: it may not.
    """
    if not password:
        raise ValueError("the password is empty")
    if len(password.encode()) > PASSWORD_CAP:
        raise ValueError(f"a password has at most {PASSWORD_CAP} bytes")
    if any(one < " " for one in password):
        raise ValueError("a password has no control characters")


class Passwords:
    """Hashes passwords, and checks them against hashes.

    :param memory: KiB for each.
    :param passes: over that memory.
    :param pool: where that is done.
    :param random: the source of salts.
    """

    def __init__(self, memory: int, passes: int, pool: FairPool, random: Random) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
        self._pool = pool
        self._random = random
        self._dummy = ""

    async def start(self) -> None:
        """Make what the passwords of unknown names are compared with."""
        self._dummy = await self.hash("", "nobody's password")

    async def hash(self, origin: Hashable, password: str) -> str:
        """Hash a new password.

        :param origin: for whom; see :class:`FairPool`.
        :raises AccountsUnavailable: if too much waits already.
        """
        salt = self._random.randbytes(SALT)
        return await self._pool.do(origin, lambda: self._hasher.hash(password, salt=salt))

    async def verify(self, origin: Hashable, stored: str, password: str) -> bool:
        """Whether a password is that of a hash. It takes as long if there is none.

        :param stored: the hash; empty for nobody's.
        :raises AccountsUnavailable: if too much waits already.
        :raises argon2.exceptions.InvalidHashError: if *stored* is no hash.
        """
        return await self._pool.do(origin, lambda: self._matches(stored or self._dummy, password)) and bool(stored)

    def outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than are wanted now."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except VerifyMismatchError:
            return False
