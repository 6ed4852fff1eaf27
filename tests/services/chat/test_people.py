"""The chat on a whole host in memory, as people see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import alsoProvides

from netforge.host import BindError
from netforge.services.chat.events import Event, Left
from netforge.services.chat.lines import FRAMING, LineSpeaker, TelnetText
from netforge.services.chat.speaker import Wire
from tests.services.chat.conftest import Client, Person

if TYPE_CHECKING:
    from tests.services.chat.conftest import Bus, House


def test_a_newcomer_is_greeted_and_told_what_to_type(house: House) -> None:
    first, second = Client(house.reactor, 7070).lines()
    assert re.fullmatch(r"\* Welcome, guest\d+\. Type /join lobby to enter a room, then just type\.", first)
    assert second == "* /nick changes your name, /rooms shows the rooms, /help everything else."


def test_a_conversation(house: House) -> None:
    ada, bob = Client(house.reactor, 7070), Client(house.reactor, 7070)
    ada.lines(), bob.lines()
    guest = ada.send("/nick ada")[0].split()[1]
    assert guest.startswith("guest")
    bob.send("/nick bob")
    assert ada.send("/join lobby") == ["* lobby", "* 1 here: ada", "* ada joined lobby"]
    ada.send("/topic tea at five", "anybody here?")
    assert bob.send("/join LOBBY") == [
        "[lobby] <ada> anybody here?",
        "* lobby: tea at five",
        "* 2 here: ada, bob",
        "* bob joined lobby",
    ]
    assert ada.lines() == ["* bob joined lobby"]
    assert bob.send("hello", "/me waves", "//me is a command") == [
        "[lobby] <bob> hello",
        "[lobby] * bob waves",
        "[lobby] <bob> /me is a command",
    ]
    assert ada.lines() == ["[lobby] <bob> hello", "[lobby] * bob waves", "[lobby] <bob> /me is a command"]
    assert ada.send("/msg Bob psst") == bob.lines() == ["[ada to bob] psst"]
    assert bob.send("/nick rob") == ada.lines() == ["* bob is now called rob"]
    assert bob.send("/topic") == bob.send("/who") == bob.send("/who #lobby")
    assert bob.send("/who") == ["* lobby: tea at five", "* 2 here: ada, rob"]
    assert ada.send("/part") == bob.lines() == ["* ada left lobby"]
    assert ada.send("hello?") == ["* You are in no room. Type /join and the name of one, such as /join lobby"]


def test_a_line_goes_to_the_room_that_one_turned_to_last(house: House) -> None:
    ada = house.person("ada")
    ada.send("/join attic")
    assert ada.send("one") == ["[attic] <ada> one"]
    assert ada.send("/join Lobby", "two") == ["* lobby", "* 1 here: ada", "[lobby] <ada> two"]
    assert ada.send("/part attic", "three") == ["* ada left attic", "[lobby] <ada> three"]
    ada.send("/join cellar")
    assert ada.send("/part", "four") == ["* ada left cellar", "[lobby] <ada> four"]


def test_rooms_are_listed_the_fullest_first(house: House) -> None:
    ada = house.person("ada", "")
    assert ada.send("/rooms") == ["* There are no rooms. Make one: /join lobby"]
    house.person("bob", "attic"), house.person("cyd", "lobby"), house.person("dan", "lobby")
    assert ada.send("/rooms") == ["* 2 rooms: lobby (2), attic (1)"]


def test_of_very_many_rooms_the_fullest_are_listed(house: House) -> None:
    house.reload("rooms = 100")
    for number in range(3):
        house.person(f"person{number}", "full")
    ada, bob = house.person("ada", ""), house.person("bob", "")
    for number in range(60):
        ada.send(f"/join a{number}")
        bob.send(f"/join b{number}")
    text = " ".join(ada.send("/rooms"))
    assert text.startswith("* 121 rooms: full (3), a0 (1), ")
    assert text.count("(") == 100


def test_who_quits_with_too_long_a_word_stays(house: House) -> None:
    ada = house.person("ada")
    assert ada.send(f"/quit {'x' * 513}") == ["* A message has at most 512 bytes; this one has 513."]
    assert ada.send("still here") == ["[lobby] <ada> still here"]


def test_long_lists_are_wrapped(house: House) -> None:
    people = [house.person(f"person-number-{number}") for number in range(10)]
    people[0].lines()
    lines = people[0].send("/who")
    assert len(lines) == 4
    assert lines[1].startswith("* 10 here: person-number-0, ")
    assert max(map(len, lines)) <= 78
    assert ", ".join(line[2:].strip() for line in lines[1:]).count("person-number-") == 10


def test_help_names_every_command(house: House) -> None:
    lines = house.person("ada").send("/help")
    assert [line.split()[1] for line in lines[:-1]] == [
        *("/join", "/part", "/nick", "/msg", "/me", "/who", "/topic", "/rooms", "/help", "/quit"),
    ]
    assert max(map(len, lines[:-1])) <= 78


def test_what_is_refused_is_said_to_that_person_alone(house: House) -> None:
    ada, bob = house.person("ada"), house.person("bob")
    ada.lines()
    assert bob.send("/nick ADA", "/jion lobby", "x" * 513) == [
        "* Somebody else is called ADA.",
        "* There is no command /jion. Type /help to see which there are.",
        "* A message has at most 512 bytes; this one has 513.",
    ]
    assert ada.lines() == []


def test_who_quits_is_gone_and_the_others_learn_why(house: House) -> None:
    ada, bob, cyd = house.person("ada"), house.person("bob"), house.person("cyd")
    ada.lines()
    assert bob.send("/quit tea is ready", "not said any more")[-1] == "* Goodbye: you have left."
    assert bob.peer.lost is not None
    assert not bob.peer.cut
    cyd.peer.close()
    house.reactor.turn()
    assert ada.lines() == ["* bob left (tea is ready)", "* cyd left"]


def test_who_ends_the_input_is_still_answered(house: House) -> None:
    ada, bob = house.person("ada"), house.person("bob")
    ada.lines()
    bob.peer.protocol.dataReceived(b"the last word\n/who\n")
    bob.peer.end()
    house.reactor.turn()
    assert bob.lines() == ["* lobby", "* 2 here: ada, bob"]
    assert bob.peer.lost is not None
    assert ada.lines() == ["[lobby] <bob> the last word", "* bob left"]


def test_what_a_telnet_client_negotiates_is_not_part_of_a_line(house: House) -> None:
    ada = house.person("ada")
    ada.peer.protocol.dataReceived(
        b"\xff\xfb\x1f\xff\xfd\x03he\xff\xfa\x1f\0\x50\0\x18\xff\xf0llo\xff\xf4\r\n\xff\xfd\x06\r\n"
    )
    house.reactor.turn()
    assert ada.lines() == ["[lobby] <ada> hello"]


def test_what_is_no_utf8_is_marked(house: House) -> None:
    ada = house.person("ada")
    ada.peer.protocol.dataReceived(b"gr\xfc\xdfe\n")
    house.reactor.turn()
    assert ada.lines() == ["[lobby] <ada> gr��e"]


def test_lines_end_as_telnet_wants_them(house: House) -> None:
    assert Client(house.reactor, 7070).peer.value().count(b"\r\n") == 2


def test_an_endless_line_ends_the_connection_with_a_reason(house: House) -> None:
    ada, bob = house.person("ada"), house.person("bob")
    ada.lines()
    bob.peer.protocol.dataReceived(b"x" * 16385)
    house.reactor.turn()
    [line] = bob.lines()
    assert line.startswith("* Goodbye: ")
    assert "16384" in line
    assert bob.peer.lost is not None
    assert ada.lines() == ["* bob left"]


def test_the_longest_line_is_answered(house: House) -> None:
    ada = house.person("ada")
    for line in ("", "/", "/\x1b", "/nick ", "/join ", "/msg ", "/msg x ", "/quit "):
        [answer] = ada.send(line + "x" * (16384 - len(line)))
        assert answer.startswith("* ")
        assert len(answer) < 100
    assert ada.peer.lost is None


def test_a_slow_reader_is_dropped_with_a_reason_and_slows_nobody(house: House) -> None:
    ada, bob, cyd = house.person("ada"), house.person("bob"), house.person("cyd")
    ada.lines(), cyd.lines()
    bob.peer.clear()
    # From here on the transport's buffer is full: bob does not read.
    assert bob.peer.producer is not None
    bob.peer.producer.pauseProducing()
    line = "x" * 500
    said = f"[lobby] <ada> {line}"
    while bob.peer.lost is None:
        ada.peer.protocol.dataReceived(f"{line}\n".encode())
        house.reactor.turn()
        assert cyd.lines()[:1] == [said]
        assert len(bob.peer.value()) <= 65536
    assert bob.peer.cut
    assert len(bob.peer.value()) > 65536 - len(said) - 2
    assert ada.lines()[-1] == "* bob left (reads too slowly)"
    assert cyd.send("/who")[-1] == "* 2 here: ada, cyd"


def test_a_reader_who_catches_up_is_not_dropped(house: House) -> None:
    ada, bob = house.person("ada"), house.person("bob")
    assert bob.peer.producer is not None
    for _ in range(3):
        bob.peer.producer.pauseProducing()
        for _ in range(100):
            ada.send("x" * 500)
        bob.peer.producer.resumeProducing()
    house.reactor.turn()
    assert bob.peer.lost is None


def test_who_asks_for_much_gets_it_as_fast_as_it_is_read(house: House) -> None:
    ada = house.person("ada")
    assert ada.peer.producer is not None
    ada.peer.producer.pauseProducing()
    assert ada.send(*["/help"] * 1000)[0].startswith("* /join")
    assert ada.lines() == []
    ada.peer.producer.resumeProducing()
    house.reactor.turn()
    assert len(ada.lines()) == 11 * 999
    assert ada.peer.lost is None


def test_nobody_is_dropped_for_silence(house: House) -> None:
    ada = house.person("ada")
    house.reactor.wait(7 * 24 * 3600)
    assert ada.send("still here") == ["[lobby] <ada> still here"]


def test_a_connection_that_breaks_is_said_to_have_broken(house: House) -> None:
    ada, bob = house.person("ada"), house.person("bob")
    ada.lines()
    bob.peer.abortConnection()
    house.reactor.turn()
    assert ada.lines() == ["* bob left (connection lost)"]


def test_a_broadcast_is_made_once_for_all_who_read_lines(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [house.person(f"person{number}") for number in range(50)]
    made: list[Event] = []
    express = LineSpeaker.express

    def counted(speaker: LineSpeaker, event: Event) -> str:
        made.append(event)
        return express(speaker, event)

    monkeypatch.setattr(LineSpeaker, "express", counted)
    for person in people:
        person.lines()
    people[0].send("one", "two")
    assert len(made) == 2
    assert all(person.lines() == ["[lobby] <person0> one", "[lobby] <person0> two"] for person in people[1:])


def test_a_reload_leaves_everybody_in_their_rooms(house: House) -> None:
    ada, bob = house.person("ada"), house.person("bob")
    ada.send("before")
    protocol = ada.peer.protocol
    house.reload("history = 2\nmessage = 10")
    assert ada.peer.protocol is protocol
    cyd = Client(house.reactor, 7070)
    cyd.send("/nick cyd")
    assert cyd.send("/join lobby")[:3] == ["[lobby] <ada> before", "* lobby", "* 3 here: ada, bob, cyd"]
    bob.lines(), ada.lines()
    assert bob.send("once") == ada.lines() == cyd.lines() == ["[lobby] <bob> once"]
    assert ada.send("x" * 11) == ["* A message has at most 10 bytes; this one has 11."]
    for text in ("two", "three"):
        cyd.send(text)
    assert house.person("dan", "").send("/join lobby")[:2] == ["[lobby] <cyd> two", "[lobby] <cyd> three"]


def test_a_reload_that_fails_leaves_the_limits_as_they_were(house: House) -> None:
    ada = house.person("ada")
    house.reactor.taken.add(7072)
    with pytest.raises(BindError, match="7072"):
        house.reload('message = 10\n[services.other]\nservice = "chat"\nlines = ["tcp:127.0.0.1:7072"]')
    assert ada.send("x" * 11) == [f"[lobby] <ada> {'x' * 11}"]


def test_the_chat_goes_on_when_the_old_instance_has_stopped(house: House) -> None:
    ada = house.person("ada")
    house.reload("history = 2")
    bob = house.person("bob")
    ada.peer.close()
    house.reactor.turn()
    bob.lines()
    assert bob.send("hello") == ["[lobby] <bob> hello"]


def test_two_chats_are_apart(house: House) -> None:
    house.reload('[services.other]\nservice = "chat"\nlines = ["tcp:127.0.0.1:7072"]')
    ada, other = house.person("ada"), house.person("ada", port=7072)
    ada.send("hello")
    assert other.lines() == []


def test_a_reason_of_ours_may_be_longer_than_a_message(house: House) -> None:
    house.reload("message = 1")
    ada, bob = house.person("ada"), house.person("bob")
    ada.lines()
    bob.peer.abortConnection()
    house.reactor.turn()
    assert ada.lines() == ["* bob left (connection lost)"]
    house.settle(house.forge.stopService())
    assert ada.lines() == ["* Goodbye: the server is stopping."]


def test_at_the_stop_everybody_is_told_and_nothing_else_is_said(house: House) -> None:
    people = [house.person("ada"), house.person("bob"), house.person("cyd", "attic")]
    for person in people:
        person.lines()
    stopping = house.forge.stopService()
    house.settle(stopping)
    for person in people:
        assert person.lines() == ["* Goodbye: the server is stopping."]
        assert person.peer.lost is not None
        assert not person.peer.cut
    assert house.reactor.getDelayedCalls() == []


def test_other_processes_learn_that_one_is_stopping(bus: Bus) -> None:
    here, there = bus.hub(), bus.hub()
    ada = Person(there)
    there.join(ada.member, "lobby")
    wire = Wire(LineSpeaker, FRAMING, TelnetText(), hub=here, clock=Clock(), unsent=65536, keepalive=True)
    speaker = wire.buildProtocol(None)
    speaker.makeConnection(StringTransport())
    speaker.dataReceived(b"/join lobby\n")
    speaker.drain()
    bus.deliver()
    assert ada.take()[-1] == Left(speaker.member.nick, ("lobby",), "the server is stopping")


def test_who_is_connected_through_two_instances_is_told_at_the_stop(house: House) -> None:
    old = house.person("ada")
    house.reload("history = 2")
    new = house.person("bob")
    old.lines()
    house.settle(house.forge.stopService())
    assert old.lines() == new.lines() == ["* Goodbye: the server is stopping."]


@pytest.mark.parametrize("keepalive", [True, False])
def test_tcp_looks_after_silent_connections(house: House, *, keepalive: bool) -> None:
    class TCP(StringTransport):
        alive = False

        def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802  Twisted's
            self.alive = enabled

    house.reload(f"keepalive = {str(keepalive).lower()}")
    transport = TCP()
    alsoProvides(transport, ITCPTransport)
    house.reactor.port(7070).served.buildProtocol(None).makeConnection(transport)
    assert transport.alive is keepalive
