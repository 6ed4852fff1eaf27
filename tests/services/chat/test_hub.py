"""The hub by itself: who is where, what is allowed, and who hears what."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from netforge.services.chat.errors import ChatError
from netforge.services.chat.events import (
    Acted,
    Joined,
    Left,
    Parted,
    Renamed,
    Said,
    Told,
    TopicChanged,
)
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Limits
from tests.services.chat.conftest import NOON, Bus, Person

if TYPE_CHECKING:
    from collections.abc import Callable


def people(bus: Bus, hub: Hub, *nicks: str, room: str = "lobby") -> list[Person]:
    """People in one room, who have heard nothing yet."""
    found = [Person(hub, nick) for nick in nicks]
    for person in found:
        hub.join(person.member, room)
    bus.deliver()
    for person in found:
        person.take()
    return found


def test_a_newcomer_is_a_guest_in_no_room(hub: Hub) -> None:
    first, second = Person(hub), Person(hub)
    assert first.member.nick.startswith("guest")
    assert first.member.nick != second.member.nick
    assert first.member.rooms == {}
    assert first.member in hub


def test_a_guest_never_gets_a_name_that_is_taken(hub: Hub) -> None:
    class Stubborn(random.Random):
        numbers = iter([7, 7, 8])

        def randrange(self, *arguments: int) -> int:  # type: ignore[override]  # only as the hub calls it
            return next(self.numbers)

    stubborn = Hub(lambda: NOON, Stubborn())
    assert [Person(stubborn).member.nick for _ in range(2)] == ["guest7", "guest8"]


def test_everyone_in_the_room_hears_the_same_in_the_same_order(bus: Bus, hub: Hub) -> None:
    ada, bob = people(bus, hub, "ada", "bob")
    cyd = Person(hub, "cyd")
    hub.say(ada.member, "lobby", "hello")
    hub.join(cyd.member, "Lobby")
    hub.act(bob.member, "LOBBY", "waves")
    hub.rename(bob.member, "rob")
    hub.set_topic(cyd.member, "lobby", "tea")
    hub.part(bob.member, "lobby")
    hub.leave(cyd.member, "reads too slowly")
    bus.deliver()
    expected = [
        Said("lobby", "ada", "hello", NOON),
        Joined("lobby", "cyd"),
        Acted("lobby", "bob", "waves", NOON),
        Renamed("bob", "rob", ("lobby",)),
        TopicChanged("lobby", "cyd", "tea"),
        Parted("lobby", "rob"),
        Left("cyd", ("lobby",), "reads too slowly"),
    ]
    assert ada.take() == expected
    # Who has gone hears only of what it did itself; who has left the chat hears nothing.
    assert bob.take() == [expected[2], expected[3], expected[5]]
    assert cyd.take() == []


def test_nobody_hears_anything_before_it_comes_back_from_the_bus(bus: Bus, hub: Hub) -> None:
    ada, bob = people(bus, hub, "ada", "bob")
    hub.say(ada.member, "lobby", "hello")
    assert [*ada.take(), *bob.take()] == []
    assert len(bus.deliver()) == 1
    assert ada.take() == bob.take() == [Said("lobby", "ada", "hello", NOON)]


def test_other_rooms_hear_nothing(bus: Bus, hub: Hub) -> None:
    [ada] = people(bus, hub, "ada")
    [bob] = people(bus, hub, "bob", room="attic")
    hub.say(ada.member, "lobby", "hello")
    bus.deliver()
    assert bob.take() == []


def test_who_shares_several_rooms_hears_once_of_a_new_name_and_of_the_end(bus: Bus, hub: Hub) -> None:
    ada, bob = people(bus, hub, "ada", "bob")
    for person in (ada, bob):
        hub.join(person.member, "attic")
    bus.deliver()
    ada.take()
    hub.rename(bob.member, "rob")
    hub.leave(bob.member)
    bus.deliver()
    assert ada.take() == [Renamed("bob", "rob", ("lobby", "attic")), Left("rob", ("lobby", "attic"), "")]


def test_who_shares_any_of_the_rooms_hears_of_a_new_name_and_of_the_end(bus: Bus, hub: Hub) -> None:
    ada, bob = people(bus, hub, "ada", "bob")
    [cyd] = people(bus, hub, "cyd", room="attic")
    hub.join(bob.member, "attic")
    bus.deliver()
    cyd.take()
    hub.rename(bob.member, "rob")
    hub.leave(bob.member)
    bus.deliver()
    assert [event.type for event in cyd.take()] == [event.type for event in ada.take()] == ["renamed", "left"]


def test_who_leaves_from_no_room_bothers_nobody(bus: Bus, hub: Hub) -> None:
    ada = Person(hub)
    hub.leave(ada.member)
    assert not bus.queue
    assert ada.member not in hub


def test_members_are_listed_in_the_order_of_the_alphabet(bus: Bus, hub: Hub) -> None:
    people(bus, hub, "cyd", "Bob", "ada")
    assert hub.find("LOBBY").nicks == ["ada", "Bob", "cyd"]


def test_who_is_in_no_room_learns_of_its_own_new_name(bus: Bus, hub: Hub) -> None:
    ada = Person(hub)
    guest = ada.member.nick
    hub.rename(ada.member, "ada")
    bus.deliver()
    assert ada.take() == [Renamed(guest, "ada", ())]


def test_a_private_message_reaches_both_at_once_and_never_the_bus(bus: Bus, hub: Hub) -> None:
    ada, bob, cyd = people(bus, hub, "ada", "bob", "cyd")
    hub.tell(ada.member, "BOB", "psst")
    assert not bus.queue
    assert ada.take() == bob.take() == [Told("ada", "bob", "psst", NOON)]
    assert cyd.take() == []
    hub.tell(ada.member, "ada", "note")
    assert ada.take() == [Told("ada", "ada", "note", NOON)]


def test_a_room_remembers_its_latest_messages_and_its_topic(bus: Bus, hub: Hub) -> None:
    hub.limits = Limits(history=3)
    [ada] = people(bus, hub, "ada")
    for number in range(5):
        hub.say(ada.member, "lobby", f"{number}")
    hub.act(ada.member, "lobby", "waves")
    hub.set_topic(ada.member, "lobby", "tea")
    bus.deliver()
    room = hub.join(Person(hub).member, "lobby")
    assert [message.text for message in room.history] == ["3", "4", "waves"]
    assert room.topic == "tea"
    hub.limits = Limits(history=0)
    hub.say(ada.member, "lobby", "forgotten")
    bus.deliver()
    assert not room.history


def test_a_room_is_forgotten_with_its_last_member(bus: Bus, hub: Hub) -> None:
    [ada] = people(bus, hub, "ada")
    hub.say(ada.member, "lobby", "hello")
    bus.deliver()
    hub.part(ada.member, "lobby")
    assert hub.rooms == []
    assert not hub.join(ada.member, "Lobby").history
    assert [room.name for room in hub.rooms] == ["Lobby"]
    hub.leave(ada.member)
    assert hub.rooms == []
    assert ada.member not in hub


def test_what_is_on_its_way_to_a_room_that_is_no_more_reaches_nobody(bus: Bus, hub: Hub) -> None:
    ada, bob = people(bus, hub, "ada", "bob")
    hub.say(ada.member, "lobby", "hello")
    hub.leave(ada.member)
    hub.leave(bob.member)
    bus.deliver()
    assert [*ada.take(), *bob.take()] == []


def test_leaving_twice_is_leaving_once(bus: Bus, hub: Hub) -> None:
    ada, bob = people(bus, hub, "ada", "bob")
    hub.leave(bob.member)
    hub.leave(bob.member, "again")
    bus.deliver()
    assert ada.take() == [Left("bob", ("lobby",), "")]
    assert Person(hub, "bob").member.nick == "bob"


def test_a_room_spans_processes(bus: Bus) -> None:
    here, there = bus.hub(), bus.hub()
    [ada] = people(bus, here, "ada")
    [bob] = people(bus, there, "bob")
    ada.take()
    here.say(ada.member, "lobby", "hello")
    there.set_topic(bob.member, "lobby", "tea")
    there.say(bob.member, "lobby", "hi")
    bus.deliver()
    assert ada.take() == bob.take() != []
    for hub in (here, there):
        [room] = hub.rooms
        assert room.topic == "tea"
        assert [message.text for message in room.history] == ["hello", "hi"]


def test_what_happens_in_one_process_is_no_doing_of_a_member_of_another(bus: Bus) -> None:
    here, there = bus.hub(), bus.hub()
    ada, bystander = Person(here), Person(there)
    assert ada.member.number == bystander.member.number
    here.join(ada.member, "lobby")
    here.say(ada.member, "lobby", "hello")
    bus.deliver()
    assert [event.type for event in ada.take()] == ["joined", "said"]
    assert bystander.take() == []


def test_a_name_that_is_taken_in_two_processes_breaks_nothing(bus: Bus) -> None:
    here, there = bus.hub(), bus.hub()
    [ada] = people(bus, here, "ada")
    [other] = people(bus, there, "ada")
    ada.take()
    here.rename(ada.member, "eve")
    there.leave(other.member, "bye")
    here.say(ada.member, "lobby", "still here")
    bus.deliver()
    assert ada.take() == [
        Renamed("ada", "eve", ("lobby",)),
        Left("ada", ("lobby",), "bye"),
        Said("lobby", "eve", "still here", NOON),
    ]
    assert [room.nicks for room in here.rooms] == [["eve"]]


@pytest.mark.parametrize("message", [b"", b"{}", b"\xff", b'{"hub": "a", "member": 1, "event": {"type": "sung"}}'])
def test_what_is_no_event_is_an_error_of_who_delivers_it(hub: Hub, message: bytes) -> None:
    with pytest.raises(ValueError, match="Published"):
        hub.receive(message)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda hub, ada: hub.join(ada, "lobby"), "You are in lobby already."),
        (lambda hub, ada: hub.join(ada, "#lobby"), "The name of a room is a letter or digit and up to 31"),
        (lambda hub, ada: hub.join(ada, ""), "The name of a room is"),
        (lambda hub, ada: hub.join(ada, "x" * 33), "The name of a room is"),
        (lambda hub, ada: hub.join(ada, "lobby\n"), "The name of a room is"),
        (lambda hub, ada: hub.join(ada, "gefäß"), "The name of a room is"),
        (lambda hub, ada: hub.part(ada, "attic"), "You are not in attic."),
        (lambda hub, ada: hub.part(ada, ""), "The name of a room is"),
        (lambda hub, ada: hub.say(ada, "attic", "hi"), "You are not in attic."),
        (lambda hub, ada: hub.act(ada, "attic", "waves"), "You are not in attic."),
        (lambda hub, ada: hub.set_topic(ada, "attic", "tea"), "You are not in attic."),
        (lambda hub, ada: hub.say(ada, "lobby", " \t\n"), "There is nothing in this message."),
        (lambda hub, ada: hub.act(ada, "lobby", ""), "There is nothing in this message."),
        (lambda hub, ada: hub.tell(ada, "bob", ""), "There is nothing in this message."),
        (lambda hub, ada: hub.say(ada, "lobby", "ä" * 257), "A message has at most 512 bytes; this one has 514."),
        (lambda hub, ada: hub.say(ada, "lobby", "\x07" * 200), "A message has at most 512 bytes; this one has 600."),
        (lambda hub, ada: hub.set_topic(ada, "lobby", "x" * 257), "A topic has at most 256 bytes; this one has 257."),
        (lambda hub, ada: hub.quit(ada, "x" * 513), "A message has at most 512 bytes; this one has 513."),
        (lambda hub, ada: hub.tell(ada, "cyd", "hi"), "Nobody is called cyd."),
        (lambda hub, ada: hub.tell(ada, "", "hi"), "A nick is a letter and up to 19"),
        (lambda hub, ada: hub.rename(ada, "BOB"), "Somebody else is called BOB."),
        (lambda hub, ada: hub.rename(ada, "ada"), "You are called ada already."),
        (lambda hub, ada: hub.rename(ada, "1a"), "A nick is a letter and up to 19"),
        (lambda hub, ada: hub.rename(ada, "x" * 21), "A nick is a letter"),
        (lambda hub, ada: hub.rename(ada, "ad a"), "A nick is a letter"),
        (lambda hub, ada: hub.rename(ada, "ada\n"), "A nick is a letter"),
        (lambda hub, ada: hub.find("attic"), "There is no room attic."),
        (lambda hub, ada: hub.find("\x1b"), "The name of a room is"),
    ],
)
def test_what_is_refused_is_refused_with_a_sentence_and_changes_nothing(
    bus: Bus, hub: Hub, ask: Callable[..., object], sentence: str
) -> None:
    ada, bob = people(bus, hub, "ada", "bob")
    with pytest.raises(ChatError) as caught:
        ask(hub, ada.member)
    assert str(caught.value).startswith(sentence)
    assert not bus.queue
    assert ada.take() == bob.take() == []
    assert [room.nicks for room in hub.rooms] == [["ada", "bob"]]


def test_what_is_as_long_as_it_may_be_is_allowed(bus: Bus, hub: Hub) -> None:
    [ada] = people(bus, hub, "ada")
    hub.rename(ada.member, "a" * 20)
    hub.join(ada.member, "9" * 32)
    hub.say(ada.member, "lobby", "ä" * 256)
    hub.set_topic(ada.member, "lobby", "x" * 256)
    assert len(bus.deliver()) == 4


def test_a_name_may_change_its_case(bus: Bus, hub: Hub) -> None:
    [ada] = people(bus, hub, "ada")
    hub.rename(ada.member, "Ada")
    bus.deliver()
    assert ada.take() == [Renamed("ada", "Ada", ("lobby",))]


def test_a_name_that_was_given_up_can_be_had(hub: Hub) -> None:
    ada, bob = Person(hub, "ada"), Person(hub, "bob")
    hub.rename(ada.member, "eve")
    hub.rename(bob.member, "Ada")
    assert [ada.member.nick, bob.member.nick] == ["eve", "Ada"]


def test_a_member_can_be_in_so_many_rooms(hub: Hub) -> None:
    hub.limits = Limits(rooms=2)
    ada = Person(hub)
    for name in ("one", "two"):
        hub.join(ada.member, name)
    with pytest.raises(ChatError, match="You can be in 2 rooms at most: leave another one first"):
        hub.join(ada.member, "three")
    hub.part(ada.member, "one")
    hub.join(ada.member, "three")


def test_a_room_can_have_so_many_members(bus: Bus, hub: Hub) -> None:
    ada, _ = people(bus, hub, "ada", "bob")
    hub.limits = Limits(members=2)
    cyd = Person(hub, "cyd")
    with pytest.raises(ChatError, match="lobby is full: it has 2 members"):
        hub.join(cyd.member, "lobby")
    hub.limits = Limits(members=3)
    hub.join(cyd.member, "lobby")
    hub.limits = Limits(members=1)
    hub.say(ada.member, "lobby", "all may stay")
    bus.deliver()
    assert cyd.take()[-1] == Said("lobby", "ada", "all may stay", NOON)


def test_what_could_command_a_terminal_is_taken_out_of_texts(bus: Bus, hub: Hub) -> None:
    [ada] = people(bus, hub, "ada")
    hub.say(ada.member, "lobby", " a\tb\x1b[2J\r\nc\x9b\u202e\ud800 ")
    hub.set_topic(ada.member, "lobby", "tea\x07")
    bus.deliver()
    said, topic = ada.take()
    assert said == Said("lobby", "ada", "a b�[2J��c���", NOON)
    assert topic == TopicChanged("lobby", "ada", "tea�")
