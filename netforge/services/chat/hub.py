"""The hub: members, rooms, and what goes on between them. It knows neither wires nor sockets, and never waits.

Who is where changes at once, here. What the others are to notice is published, and reaches them, the one who caused
it included, when it comes back to :meth:`Hub.receive`. So where several processes share a bus, a room spans them all:
the bus puts what happens in order, and everyone in the room sees it in that order. Lists of people are of this
process alone, and so are private messages, which are nobody else's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from random import Random

from netforge.services.chat.errors import ChatError
from netforge.services.chat.events import (
    Acted,
    Event,
    Joined,
    Left,
    Parted,
    Published,
    Renamed,
    Said,
    Told,
    TopicChanged,
    decode,
    encode,
)
from netforge.services.chat.rooms import Limits, Member, Room
from netforge.services.chat.words import checked_nick, checked_room, checked_text, folded

__all__ = ["Hub"]


class Hub:
    """A chat.

    :param seconds: tells the time, in Unix time.
    :param random: where the names of guests come from.
    :ivar publish: to be set: takes a message that :meth:`receive` is to be called with, here and in every other
        process, but not before it returns.
    :ivar limits: what is allowed from now on; what is there already stays.
    """

    publish: Callable[[bytes], object]

    def __init__(self, seconds: Callable[[], float], random: Random) -> None:
        self.limits = Limits()
        self._seconds = seconds
        self._random = random
        self._id = f"{random.getrandbits(64):016x}"
        self._numbers = count(1)
        self._members: dict[int, Member] = {}
        self._nicks: dict[str, Member] = {}
        self._rooms: dict[str, Room] = {}

    def __contains__(self, member: Member) -> bool:
        return member.number in self._members

    @property
    def rooms(self) -> Iterable[Room]:
        """Every room with somebody in it, in the order of the alphabet."""
        return [self._rooms[key] for key in sorted(self._rooms)]

    def enter(self, deliver: Callable[[Event], object]) -> Member:
        """Somebody comes, under the name of a guest and into no room.

        :param deliver: see :class:`Member`.
        """
        member = Member(next(self._numbers), self._guest(), deliver)
        self._members[member.number] = self._nicks[folded(member.nick)] = member
        return member

    def leave(self, member: Member, reason: str = "") -> None:
        """Somebody goes, out of every room. May be called more than once.

        :param reason: why, for the others.
        """
        if self._members.pop(member.number, None) is None:
            return
        del self._nicks[folded(member.nick)]
        rooms = list(member.rooms.values())
        for room in rooms:
            self._remove(member, room)
        if rooms:
            self._publish(member, Left(member.nick, _names(rooms), reason))

    def quit(self, member: Member, text: str) -> None:
        """Somebody goes, and has the last word.

        :param text: for the others; may be empty.
        :raises ChatError: if it is longer than a message may be; then the member stays.
        """
        self.leave(member, checked_text(text, self.limits.message, "A message"))

    def rename(self, member: Member, nick: str) -> None:
        """Call a member otherwise.

        :raises ChatError: if nobody can be called so, or somebody is.
        """
        nick = checked_nick(nick)
        if self._nicks.get(folded(nick), member) is not member:
            raise ChatError(f"Somebody else is called {nick}.")
        if nick == member.nick:
            raise ChatError(f"You are called {nick} already.")
        del self._nicks[folded(member.nick)]
        self._nicks[folded(nick)] = member
        old, member.nick = member.nick, nick
        self._publish(member, Renamed(old, nick, _names(member.rooms.values())))

    def join(self, member: Member, name: str) -> Room:
        """Let a member into a room, which is made if it is not there. What the room remembers is not delivered.

        :raises ChatError: if no room can be called so, it is full, or the member is there or in too many already.
        """
        key = folded(checked_room(name))
        if key in member.rooms:
            raise ChatError(f"You are in {member.rooms[key].name} already.")
        if len(member.rooms) >= self.limits.rooms:
            raise ChatError(f"You can be in {self.limits.rooms} rooms at most: leave another one first.")
        room = self._rooms.get(key) or Room(name)
        if len(room.members) >= self.limits.members:
            raise ChatError(f"{room.name} is full: it has {len(room.members)} members.")
        self._rooms[key] = member.rooms[key] = room
        room.members[member.number] = member
        self._publish(member, Joined(room.name, member.nick))
        return room

    def part(self, member: Member, name: str) -> None:
        """Let a member out of a room.

        :raises ChatError: if it is not there.
        """
        room = self._own(member, name)
        self._remove(member, room)
        self._publish(member, Parted(room.name, member.nick))

    def say(self, member: Member, name: str, text: str) -> None:
        """Say something in a room.

        :raises ChatError: if the member is not there, or the message is empty or too long.
        """
        room = self._own(member, name)
        self._publish(member, Said(room.name, member.nick, self._message(text), self._seconds()))

    def act(self, member: Member, name: str, text: str) -> None:
        """Do something in a room.

        :raises ChatError: as for :meth:`say`.
        """
        room = self._own(member, name)
        self._publish(member, Acted(room.name, member.nick, self._message(text), self._seconds()))

    def tell(self, member: Member, nick: str, text: str) -> None:
        """Say something to one member alone. Both get it at once.

        :raises ChatError: if nobody is called so, or the message is empty or too long.
        """
        if (other := self._nicks.get(folded(checked_nick(nick)))) is None:
            raise ChatError(f"Nobody is called {nick}.")
        told = Told(member.nick, other.nick, self._message(text), self._seconds())
        for one in dict.fromkeys((member, other)):
            one.deliver(told)

    def set_topic(self, member: Member, name: str, topic: str) -> None:
        """Give a room another topic; an empty one takes it away.

        :raises ChatError: if the member is not there, or the topic is too long.
        """
        room = self._own(member, name)
        topic = checked_text(topic, self.limits.topic, "A topic")
        self._publish(member, TopicChanged(room.name, member.nick, topic))

    def find(self, name: str) -> Room:
        """The room of that name.

        :raises ChatError: if there is none.
        """
        if (room := self._rooms.get(folded(checked_room(name)))) is None:
            raise ChatError(f"There is no room {name}.")
        return room

    def receive(self, message: bytes) -> None:
        """Take what :attr:`publish` took, in this process or in another one, and deliver it to whom it concerns.

        :raises ValueError: if it is something else.
        """
        published = decode(message)
        event = published.event
        audience: dict[int, Member] = {}
        for name in _concerned(event):
            if room := self._rooms.get(folded(name)):
                audience |= room.members
                match event:
                    case Said() | Acted():
                        room.remember(event, self.limits.history)
                    case TopicChanged():
                        room.topic = event.topic
        # Who has left a room since, or is in none, still learns of its own doing.
        if published.hub == self._id and (member := self._members.get(published.member)):
            audience[member.number] = member
        for member in audience.values():
            member.deliver(event)

    def _publish(self, member: Member, event: Event) -> None:
        self.publish(encode(Published(self._id, member.number, event)))

    def _guest(self) -> str:
        """A free name. Drawn from many more than there are members, so that few draws are in vain."""
        while True:
            nick = f"guest{self._random.randrange(10**6)}"
            if nick not in self._nicks:
                return nick

    def _own(self, member: Member, name: str) -> Room:
        if (room := member.rooms.get(folded(checked_room(name)))) is None:
            raise ChatError(f"You are not in {name}.")
        return room

    def _remove(self, member: Member, room: Room) -> None:
        key = folded(room.name)
        del member.rooms[key], room.members[member.number]
        if not room.members:
            del self._rooms[key]

    def _message(self, text: str) -> str:
        if not (text := checked_text(text, self.limits.message, "A message")):
            raise ChatError("There is nothing in this message.")
        return text


def _names(rooms: Iterable[Room]) -> tuple[str, ...]:
    return tuple(room.name for room in rooms)


def _concerned(event: Event) -> tuple[str, ...]:
    """The rooms that an event happens in."""
    match event:
        case Left() | Renamed():
            return event.rooms
        case Told():
            return ()
        case _:
            return (event.room,)
