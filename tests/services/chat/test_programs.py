"""The chat on a whole host, as programs see it: on the simulated network, and on real sockets."""

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
from tests.services.chat.conftest import Robot

if TYPE_CHECKING:
    from tests.services.chat.conftest import House

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["type", "room", "text", "id"]), inner),
)


async def test_a_conversation(house: House) -> None:
    robot = await house.connect(Robot)
    [welcome] = map(json.loads, await robot.lines())
    guest = welcome["nick"]
    assert welcome == {"type": "welcome", "nick": guest}
    assert await robot.ask(type="nick", nick="robot", id=1) == [
        {"type": "done", "id": 1},
        {"type": "renamed", "nick": guest, "to": "robot", "rooms": []},
    ]
    ada = await house.person("ada")
    await ada.send("hello", "/me waves", "/topic tea")
    seconds = pytest.approx(house.world.server.seconds(), abs=60)
    [answer, joined] = await robot.ask(type="join", room="lobby", id="x")
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
    assert await robot.ask(type="say", room="lobby", text="beep", id=2) == [
        {"type": "done", "id": 2},
        {"type": "said", "room": "lobby", "nick": "robot", "text": "beep", "at": seconds},
    ]
    assert await ada.lines() == ["* robot joined lobby", "[lobby] <robot> beep"]
    await ada.send("/msg robot psst", "/topic coffee", "/nick eve", "/part", "/join attic", "/quit bye")
    assert [json.loads(line) for line in await robot.lines()] == [
        {"type": "told", "nick": "ada", "to": "robot", "text": "psst", "at": seconds},
        {"type": "topic", "room": "lobby", "nick": "ada", "topic": "coffee"},
        {"type": "renamed", "nick": "ada", "to": "eve", "rooms": ["lobby"]},
        {"type": "parted", "room": "lobby", "nick": "eve"},
    ]


async def test_the_exchange_of_the_documentation(house: House) -> None:
    page = Path(__file__).parents[3] / "docs" / "chat.rst"
    exchange = re.findall(r"^    (<-|->) (.*)$", page.read_text(), re.MULTILINE)
    assert exchange
    await house.person("ada")
    robot = await house.connect(Robot)
    said: list[Any] = [json.loads(line) for line in await robot.lines()]
    guest = said[0]["nick"]
    for direction, line in exchange:
        if direction == "->":
            assert said == []
            said = [json.loads(one) for one in await robot.send(line)]
        else:
            said = said or [json.loads(one) for one in await robot.lines()]
            shown = json.loads(line.replace("guest604876", guest))
            assert said.pop(0) | ({"at": 0} if "at" in shown else {}) == shown | ({"at": 0} if "at" in shown else {})
    assert said == []


async def test_every_request_has_one_answer(house: House) -> None:
    robot = await house.program()
    ada = await house.person("ada")
    await robot.lines()
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
    robot.type(*(json.dumps({**request, "id": number}) for number, request in enumerate(requests)))
    lines = await robot.rest()
    answers = [one for one in map(json.loads, lines) if "id" in one]
    assert [answer["id"] for answer in answers] == list(range(len(requests)))
    assert [answer["type"] for answer in answers] == [
        *("done", "room", "done", "done", "rooms", "done", "done", "done", "room", "closing"),
    ]
    assert answers[4]["rooms"] == {"lobby": 2}
    assert answers[-1]["reason"] == "you have left"
    await ada.read_to("* rob left (done)")


async def test_an_answer_without_an_id_to_a_request_without_one(house: House) -> None:
    robot = await house.program()
    assert await robot.ask(type="rooms") == [{"type": "rooms", "rooms": {"lobby": 1}, "total": 1}]
    assert await robot.ask(type="rooms", id=None) == await robot.ask(type="rooms")


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
async def test_what_is_wrong_is_refused_with_what_was_expected(house: House, line: str, message: str) -> None:
    robot = await house.program()
    refused, listed = [json.loads(one) for one in await robot.send(line, '{"type": "rooms"}')]
    assert refused["type"] == "refused"
    assert refused["message"].startswith(message)
    assert listed["type"] == "rooms"


async def test_a_refusal_has_the_id_of_its_request(house: House) -> None:
    robot = await house.program()
    for request in ({"type": "jion"}, {"type": "say", "room": "attic", "text": "x"}, {"type": "say"}):
        [refused] = await robot.ask(**request, id="seven")
        assert (refused["type"], refused["id"]) == ("refused", "seven")


@pytest.mark.parametrize("number", [1.5, True, [], {}, "x" * 65, 2**63, -(2**63) - 1])
async def test_an_id_is_a_short_string_or_a_number_of_64_bits(house: House, number: object) -> None:
    robot = await house.program()
    [refused] = await robot.ask(type="rooms", id=number)
    assert refused == {
        "type": "refused",
        "message": "id: expected a whole number of 64 bits or a string of at most 64 characters",
    }
    for right in (0, -1, 2**63 - 1, -(2**63), "x" * 64, ""):
        assert (await robot.ask(type="rooms", id=right))[0]["id"] == right


async def test_what_is_said_about_a_wrong_request_is_short(house: House) -> None:
    robot = await house.program()
    many = {f"{number}" * 20: number for number in range(300)}
    for wrong in ({"type": "x" * 60_000}, {"type": "say", "\x01" * 10_000: 1}, {"type": "say", **many}):
        [refused] = await robot.ask(**wrong)
        assert len(refused["message"]) <= REASON_SIZE


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


async def test_a_line_that_is_too_long_ends_the_connection_with_a_reason(house: House) -> None:
    robot = await house.program()
    robot.transport.write(b"x" * 65_537)
    [closing] = map(json.loads, await robot.rest())
    assert closing["type"] == "closing"
    assert "65536" in closing["reason"]


async def test_an_answer_is_as_long_as_it_must_be_also_for_who_came_before_a_reload(house: House) -> None:
    robot, ada = await house.program(room="attic"), await house.person("ada")
    await house.reload("history = 200\nunsent = 400000")
    for number in range(200):
        ada.type(f"{number}{'x' * 500}")
    await ada.lines()
    [answer, _] = await robot.ask(type="join", room="lobby")
    assert len(answer["past"]) == 200
    await house.reload()
    [answer, _] = await (await house.program(room="attic", nick="other")).ask(type="join", room="lobby")
    assert len(answer["past"]) == 200


async def test_at_the_stop_programs_are_told(house: House) -> None:
    robot = await house.program()
    await house.forge.stopService()
    assert list(map(json.loads, await robot.rest())) == [{"type": "closing", "reason": "the server is stopping"}]


async def test_a_program_that_reads_too_slowly_is_dropped_with_a_reason(house: House) -> None:
    await house.reload("message = 4096")
    robot, ada = await house.program(), await house.person("ada")
    robot.transport.pauseProducing()
    while "* robot left (reads too slowly)" not in await ada.send(*["x" * 4096] * 10):
        pass
