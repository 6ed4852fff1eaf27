"""The hubs of two processes under every sequence of requests: what always holds."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from netforge.services.chat.errors import ChatError
from netforge.services.chat.events import Acted, Event, Joined, Left, Parted, Renamed, Said, TopicChanged, decode
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Limits, Member, Room
from netforge.services.chat.words import folded
from tests.services.chat.conftest import Bus, Person

ROOMS = st.sampled_from(["lobby", "Lobby", "attic", "cellar", "no room"])
NICKS = st.sampled_from(["ada", "ADA", "bob", "cyd", "no nick"])
TEXTS = st.sampled_from(["hello", "", "x" * 11])
LIMITS = Limits(rooms=2, members=3, history=3, message=10, topic=10)


def concerns(event: Event, room: str) -> bool:
    match event:
        case Joined() | Parted() | Said() | Acted() | TopicChanged():
            return event.room.lower() == room
        case Left() | Renamed():
            return room in map(str.lower, event.rooms)
        case _:
            return False


class Visitor(Person):
    """Somebody who knows what it heard before it came into a room, and what the room had seen by then."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.since: dict[str, tuple[int, int]] = {}


class Chat(RuleBasedStateMachine):
    """People do what they like, and the bus delivers when it likes."""

    visitors: Bundle[Visitor] = Bundle("visitors")

    def __init__(self) -> None:
        super().__init__()
        self.bus = Bus()
        self.hubs = [self.bus.hub(), self.bus.hub()]
        for hub in self.hubs:
            hub.limits = LIMITS
        self.here: list[Visitor] = []
        self.delivered: list[Event] = []
        self.since: dict[int, int] = {}

    @rule(target=visitors, number=st.integers(0, 1))
    def enter(self, number: int) -> Visitor:
        visitor = Visitor(self.hubs[number])
        self.here.append(visitor)
        return visitor

    @rule(visitor=visitors, name=ROOMS)
    def join(self, visitor: Visitor, name: str) -> None:
        try:
            room = visitor.hub.join(visitor.member, name)
        except ChatError:
            return
        visitor.since[folded(name)] = len(visitor.heard), len(self.delivered)
        if len(room.members) == 1:
            self.since[id(room)] = len(self.delivered)

    @rule(visitor=visitors, name=ROOMS)
    def part(self, visitor: Visitor, name: str) -> None:
        try:
            visitor.hub.part(visitor.member, name)
        except ChatError:
            return
        del visitor.since[folded(name)]

    @rule(visitor=visitors, what=st.sampled_from([Hub.say, Hub.act, Hub.set_topic]), name=ROOMS, text=TEXTS)
    def speak(self, visitor: Visitor, what: object, name: str, text: str) -> None:
        self.ask(what, visitor, name, text)

    @rule(visitor=visitors, nick=NICKS, text=TEXTS)
    def tell(self, visitor: Visitor, nick: str, text: str) -> None:
        self.ask(Hub.tell, visitor, nick, text)

    @rule(visitor=visitors, nick=NICKS)
    def rename(self, visitor: Visitor, nick: str) -> None:
        self.ask(Hub.rename, visitor, nick)

    @rule(visitor=consumes(visitors))
    def leave(self, visitor: Visitor) -> None:
        visitor.hub.leave(visitor.member)
        self.here.remove(visitor)

    @rule(most=st.integers(1, 5))
    def deliver(self, most: int) -> None:
        self.delivered += [decode(message).event for message in self.bus.deliver(most)]

    def ask(self, what: object, visitor: Visitor, *arguments: str) -> None:
        assert callable(what)
        try:
            what(visitor.hub, visitor.member, *arguments)
        except ChatError as refusal:
            assert str(refusal)

    def members(self, hub: Hub) -> list[Member]:
        return [visitor.member for visitor in self.here if visitor.hub is hub]

    @invariant()
    def who_is_in_a_room_is_in_its_list(self) -> None:
        for hub in self.hubs:
            members = {member.number: member for member in self.members(hub)}
            for room in hub.rooms:
                assert room.members
                assert room.members.items() <= members.items()
            for member in members.values():
                assert member in hub
                there = [room for room in hub.rooms if member.number in room.members]
                assert {folded(room.name): room for room in there} == member.rooms

    @invariant()
    def names_are_unique(self) -> None:
        for hub in self.hubs:
            nicks = [folded(member.nick) for member in self.members(hub)]
            assert len(set(nicks)) == len(nicks)
            rooms = [folded(room.name) for room in hub.rooms]
            assert len(set(rooms)) == len(rooms)

    @invariant()
    def limits_hold(self) -> None:
        for hub in self.hubs:
            assert all(len(member.rooms) <= LIMITS.rooms for member in self.members(hub))
            assert all(len(room.members) <= LIMITS.members for room in hub.rooms)
            assert all(len(room.history) <= LIMITS.history for room in hub.rooms)

    @invariant()
    def everyone_in_a_room_hears_all_of_it_in_the_order_of_the_bus(self) -> None:
        for visitor in self.here:
            assert visitor.since.keys() == visitor.member.rooms.keys()
            for name, (heard, delivered) in visitor.since.items():
                assert of_room(visitor.heard[heard:], name) == of_room(self.delivered[delivered:], name)

    @invariant()
    def a_room_remembers_the_latest_messages(self) -> None:
        for hub in self.hubs:
            for room in hub.rooms:
                assert list(room.history) == self.messages(room)[-LIMITS.history :]

    def messages(self, room: Room) -> list[Event]:
        """What was said in a room since it was made."""
        events = of_room(self.delivered[self.since[id(room)] :], folded(room.name))
        return [event for event in events if isinstance(event, Said | Acted)]


def of_room(events: list[Event], name: str) -> list[Event]:
    return [event for event in events if concerns(event, name)]


TestChat = Chat.TestCase
