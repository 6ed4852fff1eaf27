"""What comes from the peer. A message is its data: ``str`` for text, ``bytes`` for binary."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Close", "Event", "Ping", "Pong"]


@dataclass(frozen=True, slots=True)
class Ping:
    """The peer asks for a :class:`Pong` with the same data (RFC 6455, section 5.5.2)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """The peer is there (RFC 6455, section 5.5.3)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The peer says no more (RFC 6455, section 5.5.1).

    :param code: why; 1005 if it did not say.
    :param reason: the same in words.
    """

    code: int
    reason: str


Event = str | bytes | Ping | Pong | Close
