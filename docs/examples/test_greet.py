"""Tests of the plugin ``greet``, in memory: no ports, and time that the tests turn."""

from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport

from netforge.host import forge_from_text

SETTINGS = """
[netforge]
plugin_dirs = ["plugins"]

[services.greet]
listen = ["tcp:127.0.0.1:7101"]
word = "Welcome"
idle = 10
"""


def connected() -> tuple[Any, Any, StringTransport]:
    """A reactor on which the service runs, the server's side of a connection, and what a client would see of it."""
    reactor: Any = MemoryReactorClock()
    forge_from_text(SETTINGS, reactor, Path(__file__).parent).startService()
    reactor.run()
    reactor.advance(0)
    [(_port, factory, _backlog, _interface)] = reactor.tcpServers
    protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
    protocol.makeConnection(transport := StringTransport())
    return reactor, protocol, transport


def test_a_greeting_for_each_line() -> None:
    _, protocol, transport = connected()
    protocol.dataReceived(b"Ada\nGra")
    protocol.dataReceived(b"ce\n")
    assert transport.value() == b"Welcome, Ada!\nWelcome, Grace!\n"


def test_silence_is_cut() -> None:
    reactor, _, transport = connected()
    reactor.advance(10)
    assert transport.disconnected
