"""Certificates of the local authority, made when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime

from netforge.shared.certificates.authority import LIFETIME, Authority
from netforge.shared.certificates.credential import Credential, is_address

__all__ = ["Leaves"]

#: How many addresses get a certificate each. This computer has fewer, but behind some firewalls it has whole networks.
MOST_ADDRESSES = 64
#: The age, in seconds, at which a certificate is made anew.
RENEWED_AFTER = LIFETIME.total_seconds() * 2 / 3


class Leaves:
    """The certificates that one authority has signed since the start. Nothing of them is kept on disk.

    Making one takes less than a millisecond, and a client can only have one made for what is listed.

    :param authority: who signs.
    :param hostname: what this computer is called.
    :param names: what else there may be certificates for; with ``*`` for the first label, one for all such names.
    :param clock: the time.
    """

    def __init__(self, authority: Authority, hostname: str, names: Iterable[str], clock: IReactorTime) -> None:
        self.authority = authority
        self._clock = clock
        own = dict.fromkeys(("localhost", hostname, "127.0.0.1", "::1"))
        self._own = tuple(name for name in own if authority.permits(name))
        self._names = frozenset(names)
        self._made: dict[tuple[str, ...], tuple[Credential, float]] = {}

    @property
    def default(self) -> Credential:
        """The one for this computer."""
        return self._made_for(self._own)

    def find(self, name: str | None, address: str) -> Credential | None:
        """The one for what a client has asked for.

        :param name: the name, in lower case; ``None`` if it gave none.
        :param address: the address of ours that it has connected to.
        """
        if name is None:
            return self._for_address(address)
        if name in self._own:
            return self.default
        pattern = f"*.{name.partition('.')[2]}"
        known = next((one for one in (name, pattern) if one in self._names), None)
        return None if known is None else self._made_for((known,))

    def _for_address(self, address: str) -> Credential | None:
        if address in self._own or not is_address(address) or not self.authority.permits(address):
            return None
        if (address,) in self._made or len(self._made) < MOST_ADDRESSES:
            return self._made_for((address,))
        return None

    def _made_for(self, names: tuple[str, ...]) -> Credential:
        now = self._clock.seconds()
        credential, since = self._made.get(names, (None, 0.0))
        if credential is None or now - since > RENEWED_AFTER:
            credential = self.authority.issue(names, now)
            self._made[names] = credential, now
        return credential
