"""Settings and wiring of the chat."""

from __future__ import annotations

from functools import partial
from typing import Any

from netforge.plugin import Context, Field, IBus, IPages, Listen, Parts, Settings, Stream, Task, service
from netforge.protocols.frames import Lines
from netforge.services.chat.browser import Visitors, chat_site
from netforge.services.chat.hub import Hub
from netforge.services.chat.lines import FRAMING, LineSpeaker, TelnetText
from netforge.services.chat.objects import Objects, ObjectSpeaker
from netforge.services.chat.rooms import Limits
from netforge.services.chat.speaker import Wire
from netforge.services.chat.uplink import Term, Uplink

__all__ = ["ChatSettings", "chat"]


class ChatSettings(Settings):
    """A chat with rooms, for people (in browsers, with nc or telnet) and programs (JSON)."""

    lines: list[Listen] = Field([Listen("tcp:127.0.0.1:7070")], description="where people connect, with nc or telnet")
    json_lines: list[Listen] = Field([], description="where programs connect, which send and get a JSON object a line")
    rooms: int = Field(20, ge=1, le=100, description="the most rooms that one member may be in")
    members: int = Field(500, ge=1, le=5000, description="the most members of one room, on this server")
    history: int = Field(30, ge=0, le=1000, description="how many messages of a room a newcomer gets")
    message: int = Field(512, ge=1, le=4096, description="the most bytes of a message, in UTF-8")
    topic: int = Field(256, ge=1, le=1024, description="the most bytes of a topic, in UTF-8")
    unsent: int = Field(
        65536,
        ge=16384,
        description="the most bytes of events that wait for a slow reader once the transport's own buffer (64 KiB) is "
        "full; with more it is disconnected. Also the most bytes of a JSON line from a program",
    )
    keepalive: bool = Field(True, description="whether TCP looks now and then if a silent client is still there")

    @property
    def limits(self) -> Limits:
        """What the hub needs of them."""
        return Limits(self.rooms, self.members, self.history, self.message, self.topic)


LAB = """
[services.chat]
lines = ["tcp:127.0.0.1:7070", { address = "tcp:127.0.0.1:7470", tls = true }]
json_lines = ["tcp:127.0.0.1:7071"]
"""

TRY_LINES = "printf '/join lobby\\nhello\\n' | {nc}"
TRY_JSON = """printf '{"type": "join", "room": "lobby"}\\n' | {nc}"""


# Who has said hello may listen for as long as he likes.
@service("chat", ChatSettings, needs=[IBus, IPages], listener={"limits": {"idle": 0}}, lab=LAB)
def chat(settings: ChatSettings, context: Context) -> Parts:
    """One hub behind every listener."""

    def make() -> Uplink:
        return Uplink(Hub(context.clock.seconds, context.random), f"chat.{context.name}", context.log)

    uplink = context.keep("uplink", make)
    term = Term(context[IBus], settings.limits)
    yield Task(partial(uplink.begin, term), partial(uplink.end, term), "the hub")

    pages = context[IPages]
    visitors = context.keep("visitors", lambda: Visitors(uplink.hub, context.clock))

    def dismiss() -> None:
        # Their connections are those of another service, which may go on without this one.
        if pages.find(context.name) is None:
            visitors.dismiss()

    yield Task(lambda: None, dismiss, "visitors")
    yield pages.publish(context.name, chat_site(visitors, settings.unsent))

    wire = partial(Wire[Any], hub=uplink.hub, clock=context.clock, unsent=settings.unsent, keepalive=settings.keepalive)
    for listen in settings.lines:
        yield Stream(listen, wire(LineSpeaker, FRAMING, TelnetText()), protocol="chat", try_it=TRY_LINES)
    for listen in settings.json_lines:
        framing = Lines(max_size=settings.unsent)
        yield Stream(listen, wire(ObjectSpeaker, framing, Objects()), protocol="chat-json", try_it=TRY_JSON)
