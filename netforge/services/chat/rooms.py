"""Rooms, and who is in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from netforge.services.chat.events import Acted, Event, Said
from netforge.services.chat.words import folded

__all__ = ["Limits", "Member", "Room"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a hub allows.

    :param rooms: rooms that one member may be in.
    :param members: members of one room.
    :param history: messages of a room that a newcomer gets.
    :param message: bytes of a message, in UTF-8.
    :param topic: bytes of a topic, in UTF-8.
    """

    rooms: int = 20
    members: int = 500
    history: int = 30
    message: int = 512
    topic: int = 256


class Member:
    """Somebody in the chat.

    :ivar number: never given to anyone else by the same hub.
    :ivar nick: what the others call it.
    :ivar rooms: where it is, by :func:`folded` name; the latest last.
    :ivar deliver: called with every event that concerns it. It may neither block nor raise, and what is delivered
        after the member left is to be ignored.
    """

    __slots__ = ("deliver", "nick", "number", "rooms")

    def __init__(self, number: int, nick: str, deliver: Callable[[Event], object]) -> None:
        self.number = number
        self.nick = nick
        self.deliver = deliver
        self.rooms: dict[str, Room] = {}


class Room:
    """A room, for as long as anybody is in it.

    :ivar name: as whoever came first wrote it.
    :ivar topic: what it is about; may be empty.
    :ivar members: who is there, by number.
    :ivar history: the latest messages.
    """

    __slots__ = ("history", "members", "name", "topic")

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic = ""
        self.members: dict[int, Member] = {}
        self.history: deque[Said | Acted] = deque()

    @property
    def nicks(self) -> list[str]:
        """What its members are called, in the order of the alphabet."""
        return sorted((member.nick for member in self.members.values()), key=folded)

    def remember(self, message: Said | Acted, most: int) -> None:
        """Add a message to the history, and forget what there is no place for."""
        self.history.append(message)
        while len(self.history) > most:
            self.history.popleft()
