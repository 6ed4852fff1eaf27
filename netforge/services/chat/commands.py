"""What people type, read as requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netforge.services.chat.errors import ChatError
from netforge.services.chat.requests import Act, Join, Nick, Part, Quit, Request, Rooms, Say, Tell, Topic, Who

__all__ = ["COMMANDS", "Command", "Help", "parse"]


class Help:
    """Look which commands there are. Only people ask that."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    :param usage: how it is typed. What stands in brackets may be left out.
    :param help: what it does.
    :param read: makes the request of what follows the command, and of the current room.
    """

    usage: str
    help: str
    read: Callable[[str, str], Request | Help]


class _Wrong(Exception):  # noqa: N818  says what is wrong
    """What follows the command is not as its usage says."""


def parse(line: str, current: str = "") -> Request | Help | None:
    """Read a line.

    A line that begins with a slash is a command; with two of them, or with anything else, a message.

    :param current: the room that messages go to; empty for none.
    :return: ``None`` for a blank line.
    :raises ChatError: if it is no command, or not as its usage says, or there is no current room and it needs one.
    """
    line = line.strip()
    if not line:
        return None
    if not line.startswith("/") or line.startswith("//"):
        return Say(room=_here(current), text=line.removeprefix("/"))
    name, rest = [*line[1:].split(maxsplit=1), "", ""][:2]
    if (command := COMMANDS.get(name.lower())) is None:
        raise ChatError(f"There is no command /{name:.20}. Type /help to see which there are.")
    try:
        return command.read(rest, current)
    except _Wrong:
        raise ChatError(f"Type {command.usage}") from None


def _here(current: str) -> str:
    if not current:
        raise ChatError("You are in no room. Type /join and the name of one, such as /join lobby")
    return current


def _some(rest: str) -> str:
    if not rest:
        raise _Wrong
    return rest


def _room(rest: str) -> str:
    """The name of a room, which people used to IRC begin with a ``#``."""
    return rest.removeprefix("#")


def _tell(rest: str, current: str) -> Request:
    words = rest.split(maxsplit=1)
    if len(words) < 2:
        raise _Wrong
    return Tell(to=words[0], text=words[1])


def _topic(rest: str, current: str) -> Request:
    return Topic(room=_here(current), topic=rest) if rest else Who(room=_here(current))


#: Every command, by its name.
COMMANDS = {
    "join": Command(
        "/join ROOM", "go into a room, or turn to one that you are in", lambda rest, _: Join(room=_room(_some(rest)))
    ),
    "part": Command("/part [ROOM]", "leave a room", lambda rest, current: Part(room=_room(rest) or _here(current))),
    "nick": Command("/nick NAME", "change your name", lambda rest, _: Nick(nick=_some(rest))),
    "msg": Command("/msg NAME TEXT", "say something to one person alone", _tell),
    "me": Command(
        "/me TEXT", "say what you do: /me waves", lambda rest, current: Act(room=_here(current), text=_some(rest))
    ),
    "who": Command(
        "/who [ROOM]", "show who is in a room", lambda rest, current: Who(room=_room(rest) or _here(current))
    ),
    "topic": Command("/topic [TEXT]", "show or change what the room is about", _topic),
    "rooms": Command("/rooms", "show which rooms there are", lambda rest, _: Rooms()),
    "help": Command("/help", "show this", lambda rest, _: Help()),
    "quit": Command("/quit [TEXT]", "leave the chat", lambda rest, _: Quit(text=rest)),
}
