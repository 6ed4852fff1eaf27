"""Sessions and cache: small values that may be forgotten."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Interface

__all__ = ["ISessions"]


class ISessions(Interface):
    """Values by key, each for a while.

    In memory they last as long as the process, over reloads too; when there is no room, those that were not used for
    the longest time are forgotten. In the database they outlive the process and are seen by every one that uses it;
    what a method returns then fails with :exc:`DatabaseUnavailable` where the database does.
    """

    def get(key: str) -> Deferred[bytes | None]:
        """The value, or ``None`` if there is none, or none any more."""

    def put(key: str, value: bytes, lifetime: float) -> Deferred[None]:
        """Keep a value, in place of the one that the key has.

        :param key: 1 to 255 printable characters; those of a service begin with its name and a colon.
        :param value: at most 1 MiB.
        :param lifetime: for how many seconds.
        :raises ValueError: if the key or the value is otherwise.
        """

    def delete(key: str) -> Deferred[bool]:
        """Forget a value. Fires with whether there was one."""

    def touch(key: str, lifetime: float) -> Deferred[bool]:
        """Keep a value for another *lifetime* seconds from now. Fires with whether there is one."""
