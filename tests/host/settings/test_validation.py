"""What is wrong in a service's table, in words."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from netforge.plugin import Context, Field, Listen, Parts, Settings, service

if TYPE_CHECKING:
    from netforge.host.discovery import Catalogue
    from tests.conftest import Installed
    from tests.host.settings.conftest import Wrong


class Colour(Enum):
    """An enumeration."""

    RED = "red"
    GREEN = "green"


class Room(Settings):
    """A table within."""

    seats: int = Field(4, ge=1, description="how many people fit")
    topic: str = Field("", description="what they talk about")


class Door(Settings):
    """A table that must say something."""

    keeper: str = Field(description="who opens it")


class Lock(Settings):
    """One of two."""

    code: int = Field(description="its code")


class Bolt(Settings):
    """The other of two."""

    length: float = Field(description="its length in metres")


class Chat(Settings):
    """A chat."""

    listen: Listen = Field(Listen("tcp:0"), description="where")
    listens: list[Listen] = Field([], description="where else")
    either: Listen | list[Listen] = Field([], description="one listener or several")
    size: int = Field(1, gt=0, le=10, description="a size")
    ratio: float = Field(1.0, lt=2, description="a ratio")
    open: bool = Field(False, description="whether it is open")
    name: str = Field("ab", min_length=2, max_length=4, pattern="^[a-z]+$", description="a name")
    names: list[str] = Field(["a"], min_length=1, description="names")
    mode: Literal["public", "private", 3] = Field("public", description="who may come")
    colour: Colour = Field(Colour.RED, description="how it looks")
    limit: int | Literal["none"] = Field("none", description="a limit")
    folder: Path = Field(Path(), description="where it writes")
    room: Room = Field(Room(), description="the first room")
    hall: Room | None = Field(None, description="a room that may be missing")
    rooms: list[Room] = Field([], description="further rooms")
    named: dict[str, Room] = Field({}, description="rooms by name")
    floors: dict[str, list[Room]] = Field({}, description="rooms by floor")
    door: Door | None = Field(None, description="the door")
    bar: Lock | Bolt | None = Field(None, description="what bars it")


@service("chat", Chat)
def chat(settings: Chat, context: Context) -> Parts:
    """Build nothing."""
    return []


class Closed(Settings):
    """Everything is required."""

    door: Door = Field(description="the door of the house")
    count: int = Field(description="how many there are")


@service("closed", Closed)
def closed(settings: Closed, context: Context) -> Parts:
    """Build nothing."""
    return []


@pytest.fixture
def catalogue(installed: type[Installed]) -> Catalogue:
    return installed(chat, closed)


ADDRESS = "expected an address such as tcp:127.0.0.1:7007, tcp6:[::1]:7007, udp:7007, unix:/run/name.sock or fd:3"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("sise = 1", "sise: unknown key; did you mean 'size'?"),
        ("zzz = 1", "zzz: unknown key"),
        ("size = 'x'", "size: expected a valid integer; found 'x'"),
        ("size = 1.5", "size: expected a valid integer, got a number with a fractional part; found 1.5"),
        ("size = 0", "size: expected more than 0; found 0"),
        ("size = 11", "size: expected at most 10; found 11"),
        ("size = {}", "size: expected a valid integer"),
        ("ratio = 'x'", "ratio: expected a valid number; found 'x'"),
        ("ratio = 2", "ratio: expected less than 2; found 2"),
        ("open = 'perhaps'", "open: expected true or false; found 'perhaps'"),
        ("open = []", "open: expected true or false"),
        ("name = 5", "name: expected a valid string; found 5"),
        ("name = 'a'", "name: expected at least 2 characters; found 'a'"),
        ("name = 'abcde'", "name: expected at most 4 characters; found 'abcde'"),
        ("name = 'AB'", "name: expected pattern '^[a-z]+$'; found 'AB'"),
        (f"name = '{'x' * 100}'", f"name: expected at most 4 characters; found '{'x' * 59}..."),
        ("names = []", "names: expected at least 1 item"),
        ("names = 'a'", "names: expected a list; found 'a', which wants brackets around it"),
        ("names = ['a', 5]", "names[1]: expected a valid string; found 5"),
        ("mode = 'pubic'", "mode: expected 'public', 'private' or 3; found 'pubic'; did you mean 'public'?"),
        ("mode = 'x'", "mode: expected 'public', 'private' or 3; found 'x'"),
        ("colour = 'gren'", "colour: expected 'red' or 'green'; found 'gren'; did you mean 'green'?"),
        ("limit = 'nine'", "limit: expected a valid integer or 'none'; found 'nine'; did you mean 'none'?"),
        ("limit = { a = 1 }", "limit: expected a valid integer or 'none'"),
        ("folder = 5", "folder: expected a path; found 5"),
        ("folder = '~nobody-here/x'", "folder: there is no home for ~nobody-here; found '~nobody-here/x'"),
        # Tables within.
        ("room = 5", "room: expected a table; found 5"),
        ("room = { setas = 1 }", "room.setas: unknown key; did you mean 'seats'?"),
        ("room.seats = 0", "room.seats: expected at least 1; found 0"),
        ("hall = { setas = 1 }", "hall.setas: unknown key; did you mean 'seats'?"),
        ("hall = 5", "hall: expected a table; found 5"),
        ("rooms = [{}, { setas = 1 }]", "rooms[1].setas: unknown key; did you mean 'seats'?"),
        ("rooms = [{}, 5]", "rooms[1]: expected a table; found 5"),
        ("rooms = [{ seats = 'x' }]", "rooms[0].seats: expected a valid integer; found 'x'"),
        ("named = { blue = { setas = 1 } }", "named.blue.setas: unknown key; did you mean 'seats'?"),
        ("named = { size = { setas = 1 } }", "named.size.setas: unknown key; did you mean 'seats'?"),
        ("named = { seats = { setas = 1 } }", "named.seats.setas: unknown key; did you mean 'seats'?"),
        ("named = { blue = 5 }", "named.blue: expected a table; found 5"),
        ("named.'a b' = 5", 'named."a b": expected a table; found 5'),
        ("named = 5", "named: expected a table; found 5"),
        ("floors = { one = [{}, { setas = 1 }] }", "floors.one[1].setas: unknown key; did you mean 'seats'?"),
        ("door = {}", "door.keeper: is required: who opens it"),
        # Listeners.
        ("listen = 'tpc:7'", f"listen: {ADDRESS}; found 'tpc:7'"),
        ("listen = 5", "listen: expected an address or a table with one; found 5"),
        ("listen = 'tcp:x'", "listen: expected a port from 0 to 65535, found 'x'"),
        ("listen = { address = 'tpc:7' }", f"listen.address: {ADDRESS}; found 'tpc:7'"),
        ("listen = {}", "listen.address: is required: where to listen, such as tcp:127.0.0.1:7007"),
        (
            "listens = ['tcp:0', { address = 'tcp:0', adress = 1 }]",
            "listens[1].adress: unknown key; did you mean 'address'?",
        ),
    ],
)
def test_every_mistake_is_said_where_it_is(wrong: Wrong, catalogue: Catalogue, setting: str, expected: str) -> None:
    [problem] = wrong(f"\n[services.chat]\n{setting}\n", catalogue)
    assert problem == f"forge.toml:3: services.chat.{expected}"


def test_what_is_required_is_said_with_its_description(wrong: Wrong, catalogue: Catalogue) -> None:
    assert wrong("[services.closed]\n", catalogue) == [
        "forge.toml:1: services.closed.door: is required: the door of the house",
        "forge.toml:1: services.closed.count: is required: how many there are",
    ]


def test_a_missing_key_stands_at_the_nearest_table_that_is_there(wrong: Wrong, catalogue: Catalogue) -> None:
    assert wrong("[services.closed]\ncount = 1\n[services.closed.door]\n", catalogue) == [
        "forge.toml:3: services.closed.door.keeper: is required: who opens it"
    ]


def test_every_error_is_said_at_once_by_line(wrong: Wrong, catalogue: Catalogue) -> None:
    text = """
[services.chat]
size = 0
mode = "x"
listens = ["tcp:x", { address = "tcp:0" }, "tcp:y"]
room = { seats = 0, setas = 0 }
[services.other]
[services.closed]
count = "x"
[servces]
[netforge]
drain_deadline = -1
state = 5
"""
    assert [problem.partition(": ")[::2] for problem in wrong(text, catalogue)] == [
        ("forge.toml:3", "services.chat.size: expected more than 0; found 0"),
        ("forge.toml:4", "services.chat.mode: expected 'public', 'private' or 3; found 'x'"),
        ("forge.toml:5", "services.chat.listens[0]: expected a port from 0 to 65535, found 'x'"),
        ("forge.toml:5", "services.chat.listens[2]: expected a port from 0 to 65535, found 'y'"),
        ("forge.toml:6", "services.chat.room.seats: expected at least 1; found 0"),
        ("forge.toml:6", "services.chat.room.setas: unknown key; did you mean 'seats'?"),
        (
            "forge.toml:7",
            "services.other: no service 'other' is installed; there are chat, closed: "
            "add service = ... to run one of them under this name",
        ),
        ("forge.toml:8", "services.closed.door: is required: the door of the house"),
        ("forge.toml:9", "services.closed.count: expected a valid integer; found 'x'"),
        ("forge.toml:10", "servces: unknown table; did you mean 'services'?"),
        ("forge.toml:12", "netforge.drain_deadline: expected at least 0; found -1"),
        ("forge.toml:13", "netforge.state: expected a path; found 5"),
    ]


def test_each_branch_of_a_union_knows_its_own_keys(wrong: Wrong, catalogue: Catalogue) -> None:
    """Which one was meant nobody knows, so both complain, but no key is hinted at that its table cannot have."""
    problems = wrong("[services.chat]\nbar = { lenght = 1 }", catalogue)
    assert problems == [
        "forge.toml:2: services.chat.bar.code: is required: its code",
        "forge.toml:2: services.chat.bar.lenght: unknown key; did you mean 'length'?",
        "forge.toml:2: services.chat.bar.length: is required: its length in metres",
    ]


def test_a_listener_or_a_list_of_them(wrong: Wrong, catalogue: Catalogue) -> None:
    assert wrong("[services.chat]\neither = { address = 'tcp:0', x = 1 }", catalogue) == [
        "forge.toml:2: services.chat.either.x: unknown key",
        "forge.toml:2: services.chat.either: expected a list",
    ]


def test_a_wrong_default_is_an_error_of_its_key(wrong: Wrong, installed: type[Installed]) -> None:
    class Wrong_(Settings):  # noqa: N801
        """Its author did not look."""

        size: int = Field(0, gt=0, description="a size")

    plugin = service("wrong", Wrong_)(lambda settings, context: [])
    assert wrong("[services.wrong]", installed(plugin)) == ["forge.toml:1: services.wrong.size: expected more than 0"]


def test_many_problems_are_counted(wrong: Wrong, catalogue: Catalogue) -> None:
    assert len(wrong("[services.chat]\n" + "".join(f"a{number} = 1\n" for number in range(50)), catalogue)) == 50
