"""What one member alone gets: answers to its requests, and what its wire has to say. Every wire renders these too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from netforge.services.chat.events import Acted, Said
from netforge.services.chat.rooms import Room

__all__ = ["Answer", "Closing", "Done", "Refused", "RoomList", "RoomView", "Welcome"]

#: The most rooms of a list.
LISTED = 100


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first word to a newcomer."""

    nick: str
    type: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True)
class Done:
    """The request was carried out; what it caused is on its way as an event."""

    type: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Refused:
    """The request was not carried out.

    :param message: why, as a sentence.
    """

    message: str
    type: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room.

    :param members: who is there.
    :param past: what was said before; empty unless the member has just come.
    """

    room: str
    topic: str
    members: tuple[str, ...]
    past: tuple[Said | Acted, ...] = ()
    type: Literal["room"] = "room"

    @classmethod
    def of(cls, room: Room, *, past: bool = False) -> RoomView:
        """A view of a room as it is now."""
        return cls(room.name, room.topic, tuple(room.nicks), tuple(room.history) if past else ())


@dataclass(frozen=True, slots=True)
class RoomList:
    """The rooms with the most members.

    :param rooms: how many are in which room; 100 rooms at most.
    :param total: how many rooms there are.
    """

    rooms: dict[str, int] = field(hash=False)
    total: int
    type: Literal["rooms"] = "rooms"

    @classmethod
    def of(cls, rooms: Iterable[Room]) -> RoomList:
        """The list of these rooms, the fullest first."""
        ordered = sorted(rooms, key=lambda room: -len(room.members))
        return cls({room.name: len(room.members) for room in ordered[:LISTED]}, len(ordered))


@dataclass(frozen=True, slots=True)
class Closing:
    """The last word: the connection is closed now.

    :param reason: why.
    """

    reason: str
    type: Literal["closing"] = "closing"


Answer = Welcome | Done | Refused | RoomView | RoomList | Closing
