"""What those who keep accounts do with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from zope.interface import Interface

__all__ = ["Application", "IAccountsAdmin", "User"]


@dataclass(frozen=True, slots=True)
class Application:
    """An application password, as far as it is known.

    :param label: what it is called.
    :param scopes: what it is for; empty for everything.
    :param created: Unix time.
    :param used: Unix time of the last use, to the hour; ``None`` if there was none.
    """

    label: str
    scopes: Sequence[str]
    created: float
    used: float | None


@dataclass(frozen=True, slots=True)
class User:
    """An account, as those who keep it see it.

    :param scram: whether there is a verifier for SCRAM.
    :param keys: fingerprints of SSH public keys, with their comments.
    :param certificates: subjects of certificates.
    """

    name: str
    locked: bool
    created: float
    scram: bool
    groups: Sequence[str]
    applications: Sequence[Application]
    keys: Sequence[tuple[str, str]]
    certificates: Sequence[str]


class IAccountsAdmin(Interface):
    """Keeps accounts.

    Every method raises a :exc:`ValueError`, at once or through the Deferred, that says what is wrong: a name that is
    none, a user that is not there, something that is there already, or accounts that are kept elsewhere. What the
    database raises comes through too.
    """

    def users() -> Deferred[Sequence[User]]:
        """Everybody, by name."""

    def add(name: str, password: str, *, groups: Sequence[str] = (), scram: bool = False) -> Deferred[None]:
        """Add a user.

        :param scram: make a verifier for SCRAM too.
        """

    def set_password(name: str, password: str, *, scram: bool | None = None) -> Deferred[None]:
        """Change a password.

        :param scram: whether to have a verifier for SCRAM; as before if left out.
        """

    def set_locked(name: str, locked: bool) -> Deferred[None]:
        """Lock or unlock an account."""

    def delete(name: str) -> Deferred[None]:
        """Delete a user and everything of theirs."""

    def add_group(name: str, group: str) -> Deferred[None]:
        """Make a user a member of a group."""

    def remove_group(name: str, group: str) -> Deferred[None]:
        """Take a user out of a group."""

    def add_application(name: str, label: str, scopes: Sequence[str] = ()) -> Deferred[str]:
        """Make an application password. Fires with it; nobody can ever see it again.

        :param scopes: what it is for; empty for everything.
        """

    def remove_application(name: str, label: str) -> Deferred[None]:
        """Let an application password count no more."""

    def add_key(name: str, line: str) -> Deferred[None]:
        """Add an SSH public key.

        :param line: as in its ``.pub`` file.
        """

    def remove_key(name: str, line: str) -> Deferred[None]:
        """Remove an SSH public key."""

    def add_certificate(name: str, subject: str) -> Deferred[None]:
        """Let a certificate stand for a user.

        :param subject: as RFC 4514 writes it.
        """

    def remove_certificate(name: str, subject: str) -> Deferred[None]:
        """Let a certificate stand for nobody."""
