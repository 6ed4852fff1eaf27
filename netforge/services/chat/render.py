"""What a person reads: events and answers as lines."""

from __future__ import annotations

from textwrap import wrap

from netforge.services.chat.answers import Answer, Closing, Done, Refused, RoomList, RoomView, Welcome
from netforge.services.chat.commands import COMMANDS
from netforge.services.chat.events import Acted, Event, Joined, Left, Parted, Renamed, Said, Told, TopicChanged
from netforge.services.chat.words import printable

__all__ = ["HELP", "render", "render_event"]

#: The columns that lists are wrapped at.
WIDTH = 78

_COLUMN = max(len(command.usage) for command in COMMANDS.values()) + 2

#: What ``/help`` shows.
HELP = (
    *(f"* {command.usage:{_COLUMN}}{command.help}" for command in COMMANDS.values()),
    "* Anything else is said in the room that you turned to last. A message that begins with / is typed with //.",
)


def render_event(event: Event) -> str:
    """The one line that an event is, without its end. Everyone gets the same."""
    match event:
        case Joined(room, nick):
            line = f"* {nick} joined {room}"
        case Parted(room, nick):
            line = f"* {nick} left {room}"
        case Left(nick, _, ""):
            line = f"* {nick} left"
        case Left(nick, _, reason):
            line = f"* {nick} left ({reason})"
        case Said(room, nick, text):
            line = f"[{room}] <{nick}> {text}"
        case Acted(room, nick, text):
            line = f"[{room}] * {nick} {text}"
        case Told(nick, to, text):
            line = f"[{nick} to {to}] {text}"
        case Renamed(nick, to):
            line = f"* {nick} is now called {to}"
        case TopicChanged(room, nick, ""):
            line = f"* {nick} cleared the topic of {room}"
        case TopicChanged(room, nick, topic):
            line = f"* {nick} changed the topic of {room}: {topic}"
    return printable(line)


def render(answer: Answer) -> list[str]:
    """The lines that an answer is, without their ends."""
    match answer:
        case Welcome(nick):
            lines = [
                f"* Welcome, {nick}. Type /join lobby to enter a room, then just type.",
                "* /nick changes your name, /rooms shows the rooms, /help everything else.",
            ]
        case Done():
            lines = []
        case Refused(message):
            lines = [f"* {message}"]
        case RoomView(room, topic, members, past):
            heading = f"{room}: {topic}" if topic else room
            lines = [*map(render_event, past), f"* {heading}", *_list(f"{len(members)} here: {', '.join(members)}")]
        case RoomList(rooms, total):
            names = ", ".join(f"{name} ({members})" for name, members in rooms.items())
            lines = _list(f"{total} rooms: {names}" if rooms else "There are no rooms. Make one: /join lobby")
        case Closing(reason):
            lines = [f"* Goodbye: {reason}."]
    return [printable(line) for line in lines]


def _list(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="* ", subsequent_indent="*   ", break_on_hyphens=False)
