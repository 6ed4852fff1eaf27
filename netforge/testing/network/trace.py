"""The trace: what was sent when, for people who look at a failing test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netforge.testing.network.schedule import Schedule

__all__ = ["Entry", "Trace"]

#: Bytes of a payload that a line shows.
SHOWN = 48


class Entry(NamedTuple):
    """Something that happened.

    :ivar time: seconds since the network's beginning.
    :ivar kind: ``TCP``, ``UNIX``, ``UDP``, ``link``, ``name`` or ``machine``.
    :ivar what: who and what, such as ``a:49152 > b:7`` and ``FIN``.
    :ivar data: what was carried.
    """

    time: float
    kind: str
    what: str
    data: bytes = b""

    def __str__(self) -> str:
        line = f"{self.time:12.6f}  {self.kind:<7}  {self.what}"
        if self.data:
            more = " ..." if len(self.data) > SHOWN else ""
            line += f"  {len(self.data)} bytes  {self.data[:SHOWN]!r}{more}"
        return line


class Trace:
    """Everything that was sent, in order. ``str(trace)`` has a line for each.

    :param schedule: whose time it is.
    :param kept: whether anything is written down.
    """

    def __init__(self, schedule: Schedule, *, kept: bool) -> None:
        self._schedule = schedule
        self._start = schedule.now
        self.kept = kept
        self._entries: list[Entry] = []

    def note(self, kind: str, what: str, data: bytes = b"") -> None:
        """Write something down."""
        if self.kept:
            self._entries.append(Entry(self._schedule.now - self._start, kind, what, data))

    def end(self, lines: int = 20) -> str:
        """The last lines."""
        return "\n".join(map(str, self._entries[-lines:]))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __str__(self) -> str:
        return "\n".join(map(str, self._entries))
