"""Sessions in memory: the embedded default."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from netforge.plugin import ISessions
from netforge.shared.sessions.limits import check

__all__ = ["MemorySessions"]

#: Bytes that a value takes besides itself and its key: objects, and places in the two orders.
OVERHEAD = 512
#: How many values that have expired are forgotten at a call, so that none takes long.
SWEEP = 10


@dataclass(slots=True, eq=False)
class _Entry:
    value: bytes
    expires: float


@implementer(ISessions)
class MemorySessions:
    """Values in this process.

    :param clock: says when they expire.
    :param room: bytes that they may take. What has expired goes first, then what was not used for the longest time.
    :ivar used: bytes that they take.
    """

    def __init__(self, clock: IReactorTime, room: int) -> None:
        self.used = 0
        self._clock = clock
        self._room = room
        # The least recently used first.
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        # When to look at which key. What a later change has made pointless stays until then.
        self._expiries: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def resize(self, room: int) -> None:
        """Change how many bytes they may take."""
        self._room = room
        self._make_room()

    def get(self, key: str) -> Deferred[bytes | None]:
        """See :meth:`netforge.plugin.ISessions.get`."""
        entry = self._find(key)
        return succeed(None if entry is None else entry.value)

    def put(self, key: str, value: bytes, lifetime: float) -> Deferred[None]:
        """See :meth:`netforge.plugin.ISessions.put`."""
        check(key, value)
        self._sweep(SWEEP)
        self._forget(key)
        self._entries[key] = entry = _Entry(value, 0)
        self.used += _size(key, entry)
        self._prolong(key, entry, lifetime)
        self._make_room()
        return succeed(None)

    def delete(self, key: str) -> Deferred[bool]:
        """See :meth:`netforge.plugin.ISessions.delete`."""
        found = self._find(key) is not None
        self._forget(key)
        return succeed(found)

    def touch(self, key: str, lifetime: float) -> Deferred[bool]:
        """See :meth:`netforge.plugin.ISessions.touch`."""
        entry = self._find(key)
        if entry is not None:
            self._prolong(key, entry, lifetime)
        return succeed(entry is not None)

    def _find(self, key: str) -> _Entry | None:
        """The entry of a key, unless it has expired. It has been used then."""
        self._sweep(SWEEP)
        entry = self._entries.get(key)
        if entry is None or entry.expires <= self._clock.seconds():
            return None
        self._entries.move_to_end(key)
        return entry

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used -= _size(key, entry)

    def _prolong(self, key: str, entry: _Entry, lifetime: float) -> None:
        entry.expires = self._clock.seconds() + lifetime
        heappush(self._expiries, (entry.expires, key))
        if len(self._expiries) > 2 * len(self._entries) + SWEEP:
            # Most of it is pointless, since nothing has more than one time to expire.
            self._expiries = [(one.expires, name) for name, one in self._entries.items()]
            heapify(self._expiries)

    def _sweep(self, most: int) -> bool:
        """Forget what has expired. Whether there was as much to look at as was asked for."""
        now = self._clock.seconds()
        for _ in range(most):
            if not self._expiries or self._expiries[0][0] > now:
                return False
            expires, key = heappop(self._expiries)
            entry = self._entries.get(key)
            if entry is not None and entry.expires == expires:
                self._forget(key)
        return True

    def _make_room(self) -> None:
        while self.used > self._room:
            if not self._sweep(1):
                self._forget(next(iter(self._entries)))


def _size(key: str, entry: _Entry) -> int:
    return len(key) + len(entry.value) + OVERHEAD
