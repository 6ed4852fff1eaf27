"""One connection by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import alsoProvides

from netforge.services.chat.events import Left
from netforge.services.chat.lines import FRAMING, LineSpeaker, TelnetText
from netforge.services.chat.speaker import Speaker, Wire
from tests.services.chat.conftest import Person

if TYPE_CHECKING:
    from netforge.services.chat.hub import Hub
    from tests.services.chat.conftest import Bus


class TCP(StringTransport):
    alive = False

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802  Twisted's
        self.alive = enabled


def connect(hub: Hub, transport: StringTransport, *, keepalive: bool = True) -> Speaker[Any]:
    wire = Wire(LineSpeaker, FRAMING, TelnetText(), hub=hub, clock=Clock(), unsent=65536, keepalive=keepalive)
    speaker = wire.buildProtocol(None)
    speaker.makeConnection(transport)
    return speaker


@pytest.mark.parametrize("keepalive", [True, False])
def test_tcp_looks_after_silent_connections(hub: Hub, *, keepalive: bool) -> None:
    transport = TCP()
    alsoProvides(transport, ITCPTransport)
    connect(hub, transport, keepalive=keepalive)
    assert transport.alive is keepalive


def test_lines_end_as_telnet_wants_them(hub: Hub) -> None:
    transport = StringTransport()
    connect(hub, transport)
    assert transport.value().count(b"\r\n") == transport.value().count(b"\n") == 2


def test_other_processes_learn_that_one_is_stopping(bus: Bus) -> None:
    here, there = bus.hub(), bus.hub()
    ada = Person(there)
    there.join(ada.member, "lobby")
    speaker = connect(here, StringTransport())
    speaker.dataReceived(b"/join lobby\n")
    speaker.drain()
    bus.deliver()
    assert ada.take()[-1] == Left(speaker.member.nick, ("lobby",), "the server is stopping")
