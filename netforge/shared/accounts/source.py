"""What a source of accounts is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from netforge.protocols.sasl import Verifier

__all__ = ["Account", "Attempted", "Proof", "Source", "Wrong"]


class Wrong(Exception):  # noqa: N818  says what happened
    """A login is not right. The text, which says why, is for the log alone."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of an account.

    :param name: its name, as :func:`~netforge.shared.accounts.names.normalised` gives it.
    :param groups: the groups that it is in.
    :param locked: whether nobody may log in to it.
    """

    name: str
    groups: frozenset[str] = frozenset()
    locked: bool = False


class Attempted(NamedTuple):
    """A password that somebody tries.

    :param name: the name, normalised.
    :param scope: what they want to use.
    :param origin: where they are; see :class:`~netforge.shared.accounts.pool.FairPool`.
    """

    name: str
    password: str
    scope: str
    origin: Hashable


class Proof(NamedTuple):
    """An account that somebody may use, as far as their password says.

    :param method: ``password`` or ``application password``.
    """

    account: Account
    method: str = "password"


class Source(ABC):
    """Where accounts come from.

    Every method that asks it raises :exc:`~netforge.plugin.AccountsUnavailable` if it cannot be asked. Names are
    normalised.
    """

    #: Where it is, for people.
    place: str
    #: Whether certificates can stand for accounts.
    certificates = False

    @property
    def scram(self) -> bool:
        """Whether any account has a verifier for SCRAM."""
        return False

    @abstractmethod
    async def start(self) -> None:
        """Make sure that it can be asked."""

    @abstractmethod
    async def stop(self) -> None:
        """Let go of everything."""

    @abstractmethod
    async def find(self, name: str) -> Account | None:
        """The account of a name."""

    @abstractmethod
    async def check(self, attempted: Attempted) -> Proof:
        """Check a password. It takes as long for unknown names as for wrong passwords.

        :raises Wrong: if there is no such account, or the password is wrong.
        """

    async def of_key(self, name: str, key: bytes) -> Account | None:
        """The account of a name, if a public key is one of its keys."""
        return None

    async def of_certificate(self, subject: str) -> Account | None:
        """The account that a certificate stands for."""
        return None

    async def verifier(self, name: str) -> Verifier:
        """The verifier of a name, or else a false one that nobody can tell from it."""
        raise NotImplementedError(f"{self.place} has no verifiers")

    def look(self) -> None:  # noqa: B027  most have nothing to say
        """Raise if it cannot be used; for health."""
