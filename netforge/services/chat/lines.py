"""The wire for people: lines, for netcat and telnet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap

from netforge.protocols.frames import Lines
from netforge.services.chat.answers import Answer, Closing, Done, Refused, RoomList, RoomView, Welcome
from netforge.services.chat.commands import COMMANDS, Help, parse
from netforge.services.chat.errors import ChatError
from netforge.services.chat.events import Acted, Event, Joined, Left, Parted, Renamed, Said, Told, TopicChanged
from netforge.services.chat.requests import Join, Request, Who
from netforge.services.chat.speaker import Speaker, Wire
from netforge.services.chat.words import folded, printable

__all__ = ["FRAMING", "HELP", "LineSpeaker", "TelnetText", "render", "render_event"]

#: Lines end as telnet wants them, which a terminal shows as well as any others.
FRAMING = Lines(max_size=16384, delimiter=b"\r\n")

# What a telnet client says to a telnet server: a subnegotiation, an option, or a command (RFC 854). The byte that each
# begins with never occurs in UTF-8. Nothing is answered: so every option stays off (RFC 1143 has the reasons).
_TELNET = re.compile(rb"\xff(?:\xfa.*?(?:\xff\xf0|$)|[\xfb-\xfe].?|.?)", re.DOTALL)

#: The columns that lists are wrapped at.
WIDTH = 78

_COLUMN = max(len(command.usage) for command in COMMANDS.values()) + 2

#: What ``/help`` shows.
HELP = (
    *(f"* {command.usage:{_COLUMN}}{command.help}" for command in COMMANDS.values()),
    "* Anything else is said in the room that you turned to last. A message that begins with / is typed with //.",
)


class TelnetText:
    """A codec: UTF-8 without what telnet puts between, and with a mark (U+FFFD) for what is no UTF-8."""

    def encode(self, message: str) -> bytes:
        """Write text."""
        return message.encode()

    def decode(self, payload: bytes) -> str:
        """Read text."""
        return _TELNET.sub(b"", payload).decode(errors="replace")


class LineSpeaker(Speaker[str]):
    """Somebody at a terminal, who speaks in one of the rooms that they are in."""

    def __init__(self, wire: Wire[str]) -> None:
        super().__init__(wire)
        self.current = ""

    def express(self, event: Event) -> str:
        return render_event(event)

    def answer(self, answer: Answer) -> None:
        self.show(render(answer))

    def show(self, lines: Iterable[str]) -> None:
        """Send lines at once."""
        self.send_encoded(b"".join(map(self.encode, lines)))

    def obey(self, message: str) -> None:
        try:
            request = parse(message, self.current)
        except ChatError as refusal:
            self.answer(Refused(str(refusal)))
            return
        match request:
            case None:
                pass
            case Help():
                self.show(HELP)
            case Request():
                self.answer(self._perform(self._turned(request)))
                self._turn()

    def _perform(self, request: Request) -> Answer:
        """Carry out a request, or say why not."""
        try:
            return request.perform(self.wire.hub, self.member)
        except ChatError as refusal:
            return Refused(str(refusal))

    def _turned(self, request: Request) -> Request:
        """To join a room where one is already is to turn to it."""
        if isinstance(request, Join) and (key := folded(request.room)) in self.member.rooms:
            self.member.rooms[key] = self.member.rooms.pop(key)
            return Who(room=request.room)
        return request

    def _turn(self) -> None:
        """Speak where one came or turned to last."""
        self.current = next((room.name for room in reversed(self.member.rooms.values())), "")


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
