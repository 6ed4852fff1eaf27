"""What should hold for every server, on both wires. Silence is allowed, so there is no deadline to check."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

import pytest

from netforge.protocols.frames import Lines
from netforge.services.chat.hub import Hub
from netforge.services.chat.lines import FRAMING, LineSpeaker, TelnetText
from netforge.services.chat.objects import Objects, ObjectSpeaker
from netforge.services.chat.speaker import Wire
from netforge.testing import check_protocol

WIRES: dict[str, tuple[Any, ...]] = {
    "lines": (LineSpeaker, FRAMING, TelnetText()),
    "objects": (ObjectSpeaker, Lines(max_size=65536), Objects()),
}


def wire(name: str, reactor: Any) -> Wire[Any]:
    hub = Hub(reactor.seconds, Random(1))
    hub.publish = partial(reactor.callLater, 0, hub.receive)
    return Wire(*WIRES[name], hub=hub, clock=reactor, unsent=65536, keepalive=True)


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("lines", b"/join lobby\nhello\n/me waves\n/topic tea\n/who\n/nick ada\n/rooms\n/help\n/part\n"),
        ("lines", b"\xff\xfb\x1f/join lobby\r\n\xff\xf4/quit bye\r\n"),
        ("objects", b'{"type":"join","room":"lobby","id":1}\n{"type":"say","room":"lobby","text":"x"}\n'),
        ("objects", b'{"type":"rooms"}\n{"type":"quit"}\n'),
    ],
)
def test_a_wire(name: str, example: bytes) -> None:
    check_protocol(partial(wire, name), [example], deadline=None, runs=15)
