"""The chat on a whole host in memory, as programs see it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.errors import RemoteProtocolError
from netforge.services.chat.errors import ChatError
from netforge.services.chat.objects import REASON_SIZE, REQUESTS, read
from netforge.services.chat.requests import Join, Quit, Say
from tests.services.chat.conftest import Client

if TYPE_CHECKING:
    from tests.services.chat.conftest import House

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["type", "room", "text", "id"]), inner),
)


def program(house: House, nick: str = "robot", room: str = "lobby") -> Client:
    """A program that is in a room, and has read everything."""
    client = Client(house.reactor, 7071)
    client.ask(type="nick", nick=nick)
    client.ask(type="join", room=room)
    return client


def test_a_conversation(house: House) -> None:
    robot = Client(house.reactor, 7071)
    [welcome] = map(json.loads, robot.lines())
    guest = welcome["nick"]
    assert welcome == {"type": "welcome", "nick": guest}
    assert robot.ask(type="nick", nick="robot", id=1) == [
        {"type": "done", "id": 1},
        {"type": "renamed", "nick": guest, "to": "robot", "rooms": []},
    ]
    ada = house.person("ada")
    ada.send("hello", "/me waves", "/topic tea")
    seconds = house.reactor.seconds()
    [answer, joined] = robot.ask(type="join", room="lobby", id="x")
    assert answer == {
        "type": "room",
        "id": "x",
        "room": "lobby",
        "topic": "tea",
        "members": ["ada", "robot"],
        "past": [
            {"type": "said", "room": "lobby", "nick": "ada", "text": "hello", "at": seconds},
            {"type": "acted", "room": "lobby", "nick": "ada", "text": "waves", "at": seconds},
        ],
    }
    assert joined == {"type": "joined", "room": "lobby", "nick": "robot"}
    assert robot.ask(type="say", room="lobby", text="beep", id=2) == [
        {"type": "done", "id": 2},
        {"type": "said", "room": "lobby", "nick": "robot", "text": "beep", "at": seconds},
    ]
    assert ada.lines() == ["* robot joined lobby", "[lobby] <robot> beep"]
    ada.send("/msg robot psst", "/topic coffee", "/nick eve", "/part", "/join attic", "/quit bye")
    assert [json.loads(line) for line in robot.lines()] == [
        {"type": "told", "nick": "ada", "to": "robot", "text": "psst", "at": seconds},
        {"type": "topic", "room": "lobby", "nick": "ada", "topic": "coffee"},
        {"type": "renamed", "nick": "ada", "to": "eve", "rooms": ["lobby"]},
        {"type": "parted", "room": "lobby", "nick": "eve"},
    ]


def test_the_exchange_of_the_documentation(house: House) -> None:
    page = Path(__file__).parents[3] / "docs" / "chat.rst"
    exchange = re.findall(r"^    (<-|->) (.*)$", page.read_text(), re.MULTILINE)
    assert exchange
    house.person("ada")
    robot = Client(house.reactor, 7071)
    guest = json.loads(robot.peer.value())["nick"]
    said: list[Any] = []
    for direction, line in exchange:
        if direction == "->":
            assert said == []
            said = [json.loads(one) for one in robot.send(line)]
        else:
            said = said or [json.loads(one) for one in robot.lines()]
            shown = json.loads(line.replace("guest604876", guest))
            assert said.pop(0) | ({"at": 0} if "at" in shown else {}) == shown | ({"at": 0} if "at" in shown else {})
    assert said == []


def test_every_request_has_one_answer(house: House) -> None:
    robot = program(house)
    ada = house.person("ada")
    robot.lines()
    requests: list[dict[str, Any]] = [
        {"type": "act", "room": "lobby", "text": "beeps"},
        {"type": "join", "room": "attic"},
        {"type": "nick", "nick": "rob"},
        {"type": "part", "room": "attic"},
        {"type": "rooms"},
        {"type": "say", "room": "lobby", "text": "beep"},
        {"type": "tell", "to": "ada", "text": "beep"},
        {"type": "topic", "room": "lobby", "topic": "oil"},
        {"type": "who", "room": "lobby"},
        {"type": "quit", "text": "done"},
    ]
    assert {request["type"] for request in requests} == REQUESTS.keys()
    lines = robot.send(*(json.dumps({**request, "id": number}) for number, request in enumerate(requests)))
    answers = [one for one in map(json.loads, lines) if "id" in one]
    assert [answer["id"] for answer in answers] == list(range(len(requests)))
    assert [answer["type"] for answer in answers] == [
        *("done", "room", "done", "done", "rooms", "done", "done", "done", "room", "closing"),
    ]
    assert answers[4]["rooms"] == {"lobby": 2}
    assert answers[-1]["reason"] == "you have left"
    assert ada.lines()[-1] == "* rob left (done)"
    assert robot.peer.lost is not None


def test_an_answer_without_an_id_to_a_request_without_one(house: House) -> None:
    robot = program(house)
    assert robot.ask(type="rooms") == [{"type": "rooms", "rooms": {"lobby": 1}, "total": 1}]
    assert robot.ask(type="rooms", id=None) == robot.ask(type="rooms")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: "),
        ('{"type": NaN}', "not JSON: "),
        ('{"type": "say", "type": "say"}', "not JSON: a name occurs twice"),
        ("[" * 60_000, "not JSON: "),
        ("", "not JSON: "),
        ("[]", "expected an object, found []"),
        ('"hello"', "expected an object, found 'hello'"),
        ("{}", "type: expected act, join, nick, part, quit, rooms, say, tell, topic, who; found None"),
        ('{"type": "jion"}', "type: expected act, join, nick, part, quit, rooms, say, tell, topic, who; found 'jion'"),
        ('{"type": ["say"]}', "type: expected act, "),
        ('{"type": "say"}', "room: Field required; text: Field required"),
        ('{"type": "join", "room": 7}', "room: Input should be a valid string"),
        ('{"type": "join", "room": "lobby", "moor": 1}', "moor: Extra inputs are not permitted"),
        ('{"type": "join", "room": "a room"}', "The name of a room is a letter or digit"),
        ('{"type": "say", "room": "lobby", "text": "\\ud800"}', "not JSON: "),
    ],
)
def test_what_is_wrong_is_refused_with_what_was_expected_and_the_next_line_is_read(
    house: House, line: str, message: str
) -> None:
    robot = program(house)
    refused, listed = [json.loads(one) for one in robot.send(line, '{"type": "rooms"}')]
    assert refused["type"] == "refused"
    assert refused["message"].startswith(message)
    assert listed["type"] == "rooms"


def test_a_refusal_has_the_id_of_its_request(house: House) -> None:
    robot = program(house)
    for request in ({"type": "jion"}, {"type": "say", "room": "attic", "text": "x"}, {"type": "say"}):
        [refused] = robot.ask(**request, id="seven")
        assert (refused["type"], refused["id"]) == ("refused", "seven")


@pytest.mark.parametrize("number", [1.5, True, [], {}, "x" * 65, 2**63, -(2**63) - 1])
def test_an_id_is_a_short_string_or_a_number_of_64_bits(house: House, number: object) -> None:
    robot = program(house)
    [refused] = robot.ask(type="rooms", id=number)
    assert refused == {
        "type": "refused",
        "message": "id: expected a whole number of 64 bits or a string of at most 64 characters",
    }
    for right in (0, -1, 2**63 - 1, -(2**63), "x" * 64, ""):
        assert robot.ask(type="rooms", id=right)[0]["id"] == right


def test_what_is_said_about_a_wrong_request_is_short(house: House) -> None:
    robot = program(house)
    many = {f"{number}" * 20: number for number in range(300)}
    for wrong in ({"type": "x" * 60_000}, {"type": "say", "\x01" * 10_000: 1}, {"type": "say", **many}):
        [refused] = robot.ask(**wrong)
        assert len(refused["message"]) <= REASON_SIZE
    assert robot.peer.lost is None


@given(VALUES)
def test_every_message_is_a_request_or_refused_with_a_reason(message: Any) -> None:
    try:
        request = read(message)
    except ChatError as refusal:
        assert str(refusal)
    else:
        assert type(request) is REQUESTS[message["type"]]


def test_requests_are_read() -> None:
    assert read({"type": "join", "room": "lobby", "id": 7}) == Join(room="lobby")
    assert read({"type": "say", "room": "lobby", "text": "x"}) == Say(room="lobby", text="x")
    assert read({"type": "quit"}) == Quit()
    with pytest.raises(ChatError, match=r"^not that$"):
        read(RemoteProtocolError("not that"))


def test_a_line_that_is_too_long_ends_the_connection_with_a_reason(house: House) -> None:
    robot = program(house)
    robot.peer.protocol.dataReceived(b"x" * 65_537)
    house.reactor.turn()
    [closing] = map(json.loads, robot.lines())
    assert closing["type"] == "closing"
    assert "65536" in closing["reason"]
    assert robot.peer.lost is not None


def test_the_largest_answer_is_sent_and_is_not_too_much(house: House) -> None:
    house.reload("unsent = 50884\nmembers = 300")
    people = [house.person(f"{'x' * 17}{number:03}") for number in range(299)]
    for person in people[:30]:
        assert person.send('"\\' * 256)[-1].endswith('\\"\\')
    people[0].send("/topic " + '"' * 256)
    robot = Client(house.reactor, 7071)
    assert robot.peer.producer is not None
    robot.lines()
    # As full as the buffer can be: from here on all counts.
    robot.peer.producer.pauseProducing()
    [answer, _] = robot.ask(type="join", room="lobby", id="\x01" * 64)
    assert len(answer["past"]) == 30
    assert len(answer["members"]) == 300
    assert robot.peer.lost is None


def test_at_the_stop_programs_are_told(house: House) -> None:
    robot = program(house)
    house.settle(house.forge.stopService())
    assert list(map(json.loads, robot.lines())) == [{"type": "closing", "reason": "the server is stopping"}]
    assert robot.peer.lost is not None


def test_a_program_that_reads_too_slowly_is_dropped_with_a_reason(house: House) -> None:
    robot, ada = program(house), house.person("ada")
    assert robot.peer.producer is not None
    robot.peer.producer.pauseProducing()
    heard: list[str] = []
    while robot.peer.lost is None:
        heard = ada.send("x" * 500)
    assert heard[-1] == "* robot left (reads too slowly)" or ada.lines() == ["* robot left (reads too slowly)"]
