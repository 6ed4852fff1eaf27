"""The wire for people: lines, for netcat and telnet."""

from __future__ import annotations

import re

from netforge.protocols.frames import Lines
from netforge.services.chat.answers import Answer, Refused
from netforge.services.chat.commands import Help, parse
from netforge.services.chat.errors import ChatError
from netforge.services.chat.events import Event
from netforge.services.chat.render import HELP, render, render_event
from netforge.services.chat.requests import Join, Request, Who
from netforge.services.chat.speaker import Speaker, Wire
from netforge.services.chat.words import folded

__all__ = ["FRAMING", "LineSpeaker", "TelnetText"]

#: Lines end as telnet wants them, which a terminal shows as well as any others.
FRAMING = Lines(max_size=16384, delimiter=b"\r\n")

# What a telnet client says to a telnet server: a subnegotiation, an option, or a command (RFC 854). The byte that each
# begins with never occurs in UTF-8. Nothing is answered: so every option stays off (RFC 1143 has the reasons).
_TELNET = re.compile(rb"\xff(?:\xfa.*?(?:\xff\xf0|$)|[\xfb-\xfe].?|.?)", re.DOTALL)


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
        for line in render(answer):
            self.send(line)

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
                for line in HELP:
                    self.send(line)
            case Request():
                self.answer(self.perform(self._turned(request)))
                self._turn()

    def _turned(self, request: Request) -> Request:
        """To join a room where one is already is to turn to it."""
        if isinstance(request, Join) and (key := folded(request.room)) in self.member.rooms:
            self.member.rooms[key] = self.member.rooms.pop(key)
            return Who(room=request.room)
        return request

    def _turn(self) -> None:
        """Speak where one came or turned to last."""
        self.current = next((room.name for room in reversed(self.member.rooms.values())), "")
