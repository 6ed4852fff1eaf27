"""The chat on a whole host, as people see it: on the simulated network, and on real sockets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from netforge.host import BindError
from netforge.services.chat.events import Event
from netforge.services.chat.lines import LineSpeaker
from tests.services.chat.conftest import Talker

if TYPE_CHECKING:
    from tests.services.chat.conftest import House


async def test_a_newcomer_is_greeted_and_told_what_to_type(house: House) -> None:
    first, second = await (await house.connect(Talker)).lines()
    assert re.fullmatch(r"\* Welcome, guest\d+\. Type /join lobby to enter a room, then just type\.", first)
    assert second == "* /nick changes your name, /rooms shows the rooms, /help everything else."


async def test_a_conversation(house: House) -> None:
    ada, bob = await house.connect(Talker), await house.connect(Talker)
    await ada.lines(), await bob.lines()
    guest = (await ada.send("/nick ada"))[0].split()[1]
    assert guest.startswith("guest")
    await bob.send("/nick bob")
    assert await ada.send("/join lobby") == ["* lobby", "* 1 here: ada", "* ada joined lobby"]
    await ada.send("/topic tea at five", "anybody here?")
    assert await bob.send("/join LOBBY") == [
        "[lobby] <ada> anybody here?",
        "* lobby: tea at five",
        "* 2 here: ada, bob",
        "* bob joined lobby",
    ]
    assert await ada.lines() == ["* bob joined lobby"]
    assert await bob.send("hello", "/me waves", "//me is a command") == [
        "[lobby] <bob> hello",
        "[lobby] * bob waves",
        "[lobby] <bob> /me is a command",
    ]
    assert await ada.lines() == ["[lobby] <bob> hello", "[lobby] * bob waves", "[lobby] <bob> /me is a command"]
    assert await ada.send("/msg Bob psst") == await bob.lines() == ["[ada to bob] psst"]
    assert await bob.send("/nick rob") == await ada.lines() == ["* bob is now called rob"]
    assert await bob.send("/topic") == await bob.send("/who") == await bob.send("/who #lobby")
    assert await bob.send("/who") == ["* lobby: tea at five", "* 2 here: ada, rob"]
    assert await ada.send("/part") == await bob.lines() == ["* ada left lobby"]
    assert await ada.send("hello?") == ["* You are in no room. Type /join and the name of one, such as /join lobby"]


async def test_many_hear_the_same_in_the_same_order(house: House) -> None:
    nicks = [f"person{number}" for number in range(10)]
    people = [await house.person(nick) for nick in nicks]
    for person in people:
        await person.lines()
    for number in range(20):
        for person in people:
            person.type(f"{number}")
    for person in people:
        for nick in nicks:
            await person.hears(f"[lobby] <{nick}> 19")
    heard = [await person.lines() for person in people]
    assert all(one == heard[0] for one in heard)
    for nick in nicks:
        said = [line for line in heard[0] if line.startswith(f"[lobby] <{nick}> ")]
        assert said == [f"[lobby] <{nick}> {number}" for number in range(20)]


async def test_a_line_goes_to_the_room_that_one_turned_to_last(house: House) -> None:
    ada = await house.person("ada")
    await ada.send("/join attic")
    assert await ada.send("one") == ["[attic] <ada> one"]
    assert await ada.send("/join Lobby", "two") == ["* lobby", "* 1 here: ada", "[lobby] <ada> two"]
    assert await ada.send("/part attic", "three") == ["* ada left attic", "[lobby] <ada> three"]
    await ada.send("/join cellar")
    assert await ada.send("/part", "four") == ["* ada left cellar", "[lobby] <ada> four"]


async def test_rooms_are_listed_the_fullest_first(house: House) -> None:
    ada = await house.person("ada", "")
    assert await ada.send("/rooms") == ["* There are no rooms. Make one: /join lobby"]
    await house.person("bob", "attic"), await house.person("cyd", "lobby"), await house.person("dan", "lobby")
    assert await ada.send("/rooms") == ["* 2 rooms: lobby (2), attic (1)"]


async def test_of_very_many_rooms_the_fullest_are_listed(house: House) -> None:
    await house.reload("rooms = 100")
    for number in range(3):
        await house.person(f"person{number}", "full")
    ada, bob = await house.person("ada", ""), await house.person("bob", "")
    for number in range(60):
        await ada.send(f"/join a{number}")
        await bob.send(f"/join b{number}")
    text = " ".join(await ada.send("/rooms"))
    assert text.startswith("* 121 rooms: full (3), a0 (1), ")
    assert text.count("(") == 100


async def test_who_quits_with_too_long_a_word_stays(house: House) -> None:
    ada = await house.person("ada")
    assert await ada.send(f"/quit {'x' * 513}") == ["* A message has at most 512 bytes; this one has 513."]
    assert await ada.send("still here") == ["[lobby] <ada> still here"]


async def test_long_lists_are_wrapped(house: House) -> None:
    people = [await house.person(f"person-number-{number}") for number in range(10)]
    await people[0].lines()
    lines = await people[0].send("/who")
    assert len(lines) == 4
    assert lines[1].startswith("* 10 here: person-number-0, ")
    assert max(map(len, lines)) <= 78
    assert ", ".join(line[2:].strip() for line in lines[1:]).count("person-number-") == 10


async def test_help_names_every_command(house: House) -> None:
    lines = await (await house.person("ada")).send("/help")
    assert [line.split()[1] for line in lines[:-1]] == [
        *("/join", "/part", "/nick", "/msg", "/me", "/who", "/topic", "/rooms", "/help", "/quit"),
    ]
    assert max(map(len, lines[:-1])) <= 78


async def test_what_is_refused_is_said_to_that_person_alone(house: House) -> None:
    ada, bob = await house.person("ada"), await house.person("bob")
    await ada.lines()
    assert await bob.send("/nick ADA", "/jion lobby", "x" * 513) == [
        "* Somebody else is called ADA.",
        "* There is no command /jion. Type /help to see which there are.",
        "* A message has at most 512 bytes; this one has 513.",
    ]
    assert await ada.lines() == []


async def test_who_quits_is_gone_and_the_others_learn_why(house: House) -> None:
    ada, bob, cyd = await house.person("ada"), await house.person("bob"), await house.person("cyd")
    await ada.lines()
    bob.type("/quit tea is ready", "not said any more")
    assert (await bob.rest())[-1] == "* Goodbye: you have left."
    assert not bob.cut
    # Closing with something unread would reset the connection (RFC 1122, section 4.2.2.13).
    await cyd.read_to("* bob left (tea is ready)")
    cyd.transport.loseConnection()
    assert await ada.read_to("* cyd left") == ["* bob left (tea is ready)", "* cyd left"]


async def test_who_ends_the_input_is_still_answered(house: House) -> None:
    ada, bob = await house.person("ada"), await house.person("bob")
    await ada.lines()
    bob.type("the last word", "/who")
    bob.transport.loseWriteConnection()
    assert await bob.rest() == ["[lobby] <bob> the last word", "* lobby", "* 2 here: ada, bob"]
    assert not bob.cut
    assert await ada.read_to("* bob left") == ["[lobby] <bob> the last word", "* bob left"]


async def test_what_a_telnet_client_negotiates_is_not_part_of_a_line(house: House) -> None:
    ada = await house.person("ada")
    ada.transport.write(b"\xff\xfb\x1f\xff\xfd\x03he\xff\xfa\x1f\0\x50\0\x18\xff\xf0llo\xff\xf4\r\n\xff\xfd\x06\r\n")
    assert await ada.lines() == ["[lobby] <ada> hello"]


async def test_what_is_no_utf8_is_marked(house: House) -> None:
    ada = await house.person("ada")
    ada.transport.write(b"gr\xfc\xdfe\n")
    assert await ada.lines() == ["[lobby] <ada> gr��e"]


async def test_an_endless_line_ends_the_connection_with_a_reason(house: House) -> None:
    ada, bob = await house.person("ada"), await house.person("bob")
    await ada.lines()
    bob.transport.write(b"x" * 16385)
    [line] = await bob.rest()
    assert line.startswith("* Goodbye: ")
    assert "16384" in line
    assert await ada.read_to("* bob left") == ["* bob left"]


async def test_the_longest_line_is_answered(house: House) -> None:
    ada = await house.person("ada")
    for line in ("", "/", "/\x1b", "/nick ", "/join ", "/msg ", "/msg x ", "/quit "):
        [answer] = await ada.send(line + "x" * (16384 - len(line)))
        assert answer.startswith("* ")
        assert len(answer) < 100


async def test_a_slow_reader_is_dropped_with_a_reason_and_slows_nobody(house: House) -> None:
    await house.reload("message = 4096")
    ada, bob, cyd = await house.person("ada"), await house.person("bob"), await house.person("cyd")
    await ada.lines(), await cyd.lines()
    bob.transport.pauseProducing()
    line = "x" * 4096
    said, left = f"[lobby] <ada> {line}", "* bob left (reads too slowly)"
    heard: list[str] = []
    while left not in heard:
        heard = await ada.send(*[line] * 10)
        assert heard.count(said) == 10
        assert await cyd.lines() == heard
    assert (await cyd.send("/who"))[-1] == "* 2 here: ada, cyd"
    bob.transport.resumeProducing()
    heard = await bob.rest()
    assert bob.cut
    assert set(heard) <= {said, "* cyd joined lobby"}


async def test_a_reader_who_catches_up_is_not_dropped(house: House) -> None:
    await house.reload("message = 4096")
    ada, bob = await house.person("ada"), await house.person("bob")
    for _ in range(3):
        bob.transport.pauseProducing()
        await ada.send(*["x" * 4096] * 55)
        bob.transport.resumeProducing()
        assert len([line for line in await bob.lines() if line.endswith("x")]) == 55


async def test_who_asks_for_much_gets_it_as_fast_as_it_is_read(house: House) -> None:
    ada, bob = await house.person("ada"), await house.person("bob", "")
    ada.transport.pauseProducing()
    ada.type(*["/help"] * 3000)
    assert "* 1 here: ada" in await bob.send("/who lobby")
    ada.transport.resumeProducing()
    assert len(await ada.lines()) == 11 * 3000


async def test_a_long_history_has_no_newcomer_taken_for_a_slow_reader(house: House) -> None:
    await house.reload("history = 100\nmessage = 4096")
    ada, bob = await house.person("ada"), await house.person("bob", "")
    ada.type(*["x" * 4096] * 100)
    await ada.lines()
    heard = await bob.send("/join lobby")
    assert heard[:-3] == [f"[lobby] <ada> {'x' * 4096}"] * 100


async def test_who_says_very_much_at_once_has_nobody_dropped(house: House) -> None:
    nick, room = "n" * 20, "r" * 32
    ada, bob = await house.person(nick, room), await house.person("bob", room)
    await ada.lines()
    said = [f"{number}" for number in range(4000)]
    ada.type(*said)
    heard = await bob.read_to(f"[{room}] <{nick}> 3999")
    assert heard == await ada.lines() == [f"[{room}] <{nick}> {one}" for one in said]


async def test_a_connection_that_breaks_is_said_to_have_broken(house: House) -> None:
    ada, bob = await house.person("ada"), await house.person("bob")
    await ada.lines()
    bob.transport.abortConnection()
    assert await ada.read_to("* bob left (connection lost)") == ["* bob left (connection lost)"]


async def test_a_broadcast_is_made_once_for_all_who_read_lines(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [await house.person(f"person{number}") for number in range(50)]
    made: list[Event] = []
    express = LineSpeaker.express

    def counted(speaker: LineSpeaker, event: Event) -> str:
        made.append(event)
        return express(speaker, event)

    monkeypatch.setattr(LineSpeaker, "express", counted)
    for person in people:
        await person.lines()
    await people[0].send("one", "two")
    assert len(made) == 2
    for person in people[1:]:
        assert await person.lines() == ["[lobby] <person0> one", "[lobby] <person0> two"]


async def test_a_reload_leaves_everybody_in_their_rooms(house: House) -> None:
    ada, bob = await house.person("ada"), await house.person("bob")
    await ada.send("before")
    await house.reload("history = 2\nmessage = 10")
    cyd = await house.connect(Talker)
    await cyd.send("/nick cyd")
    assert (await cyd.send("/join lobby"))[:3] == ["[lobby] <ada> before", "* lobby", "* 3 here: ada, bob, cyd"]
    await bob.lines(), await ada.lines()
    assert await bob.send("once") == await ada.lines() == await cyd.lines() == ["[lobby] <bob> once"]
    assert await ada.send("x" * 11) == ["* A message has at most 10 bytes; this one has 11."]
    for text in ("two", "three"):
        await cyd.send(text)
    dan = await house.person("dan", "")
    assert (await dan.send("/join lobby"))[:2] == ["[lobby] <cyd> two", "[lobby] <cyd> three"]


async def test_a_reload_loses_nothing_of_what_is_being_said(house: House) -> None:
    ada, bob = await house.person("ada"), await house.person("bob")
    await ada.lines()
    for number in range(5):
        ada.type(*(f"{number} {again}" for again in range(50)))
        await house.reload(f"history = {number}")
    await bob.hears("[lobby] <ada> 4 49")
    expected = [f"[lobby] <ada> {number} {again}" for number in range(5) for again in range(50)]
    assert await bob.lines() == await ada.lines() == expected


async def test_a_reload_that_fails_leaves_the_limits_as_they_were(house: House) -> None:
    ada = await house.person("ada")
    taken = house.forge.serving[0].address
    with pytest.raises(BindError, match=taken.rpartition(":")[2]):
        await house.reload(f'message = 10\n[services.other]\nservice = "chat"\nlines = ["{taken}"]')
    assert await ada.send("x" * 11) == [f"[lobby] <ada> {'x' * 11}"]


async def test_the_chat_goes_on_when_the_old_instance_has_stopped(house: House) -> None:
    ada = await house.person("ada")
    await house.reload("history = 2")
    bob = await house.person("bob")
    await ada.read_to("* bob joined lobby")
    ada.transport.loseConnection()
    await bob.read_to("* ada left")
    assert await bob.send("hello") == ["[lobby] <bob> hello"]


async def test_two_chats_are_apart(house: House) -> None:
    await house.reload(f'[services.other]\nservice = "chat"\nlines = ["tcp:{house.world.host}:0"]')
    ada, other = await house.person("ada"), await house.person("ada", service="other")
    await ada.send("hello")
    assert await other.lines() == []


async def test_a_reason_of_ours_may_be_longer_than_a_message(house: House) -> None:
    await house.reload("message = 1")
    ada, bob = await house.person("ada"), await house.person("bob")
    await ada.lines()
    bob.transport.abortConnection()
    assert await ada.read_to("* bob left (connection lost)") == ["* bob left (connection lost)"]
    await house.forge.stopService()
    assert await ada.rest() == ["* Goodbye: the server is stopping."]


async def test_at_the_stop_everybody_is_told_and_nothing_else_is_said(house: House) -> None:
    people = [await house.person("ada"), await house.person("bob"), await house.person("cyd", "attic")]
    for person in people:
        await person.lines()
    await house.forge.stopService()
    for person in people:
        assert await person.rest() == ["* Goodbye: the server is stopping."]
        assert not person.cut


async def test_who_is_connected_through_two_instances_is_told_at_the_stop(house: House) -> None:
    old = await house.person("ada")
    await house.reload("history = 2")
    new = await house.person("bob")
    await old.lines()
    await house.forge.stopService()
    assert await old.rest() == await new.rest() == ["* Goodbye: the server is stopping."]
