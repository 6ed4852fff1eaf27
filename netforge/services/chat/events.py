"""What happens in a chat. Every wire renders these; between processes they travel as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

__all__ = [
    "Acted",
    "Event",
    "Joined",
    "Left",
    "Parted",
    "Published",
    "Renamed",
    "Said",
    "Told",
    "TopicChanged",
    "decode",
    "encode",
]


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody came into a room."""

    room: str
    nick: str
    type: Literal["joined"] = "joined"


@dataclass(frozen=True, slots=True)
class Parted:
    """Somebody went out of a room, and may be in others still."""

    room: str
    nick: str
    type: Literal["parted"] = "parted"


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody left the chat, and so all these rooms.

    :param reason: why; may be empty.
    """

    nick: str
    rooms: tuple[str, ...]
    reason: str
    type: Literal["left"] = "left"


@dataclass(frozen=True, slots=True)
class Said:
    """A message to a room.

    :param at: when, in Unix time.
    """

    room: str
    nick: str
    text: str
    at: float
    type: Literal["said"] = "said"


@dataclass(frozen=True, slots=True)
class Acted:
    """What somebody does, as others tell it: "ada waves".

    :param at: when, in Unix time.
    """

    room: str
    nick: str
    text: str
    at: float
    type: Literal["acted"] = "acted"


@dataclass(frozen=True, slots=True)
class Told:
    """A message to one member alone, who gets this, and so does who said it.

    :param at: when, in Unix time.
    """

    nick: str
    to: str
    text: str
    at: float
    type: Literal["told"] = "told"


@dataclass(frozen=True, slots=True)
class Renamed:
    """Somebody in these rooms is called otherwise now."""

    nick: str
    to: str
    rooms: tuple[str, ...]
    type: Literal["renamed"] = "renamed"


@dataclass(frozen=True, slots=True)
class TopicChanged:
    """A room has another topic, or with an empty one none."""

    room: str
    nick: str
    topic: str
    type: Literal["topic"] = "topic"


Event = Joined | Parted | Left | Said | Acted | Told | Renamed | TopicChanged


@dataclass(frozen=True, slots=True)
class Published:
    """An event on the bus, with who caused it: names may be taken twice, once in each process.

    :param hub: the hub's id.
    :param member: the member's number in that hub.
    """

    hub: str
    member: int
    event: Annotated[Event, Field(discriminator="type")]


_PUBLISHED: TypeAdapter[Published] = TypeAdapter(Published)


def encode(published: Published) -> bytes:
    """As JSON."""
    return _PUBLISHED.dump_json(published)


def decode(message: bytes) -> Published:
    """From JSON.

    :raises ValueError: if it is something else.
    """
    return _PUBLISHED.validate_json(message)
