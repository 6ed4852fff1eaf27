"""Hubs of several processes on one bus with people who write down what they hear; a host in memory with clients."""

from __future__ import annotations

import json
import random
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netforge.host import Forge
from netforge.host.settings import Blueprint, draw, read_text
from netforge.plugin import IReactor
from netforge.services.chat import chat
from netforge.services.chat.events import Event
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Member
from netforge.shared.bus import bus as bus_plugin
from tests.cli.conftest import launch

if TYPE_CHECKING:
    from tests.conftest import Installed, MemoryReactor, Peer

__all__ = ["NOON", "SETTINGS", "Bus", "Client", "House", "Person", "launch"]

NOON = 1_000_000_000.0


class Person:
    """Somebody in a hub.

    :ivar heard: what was delivered and not taken yet.
    """

    def __init__(self, hub: Hub, nick: str = "") -> None:
        self.hub = hub
        self.heard: list[Event] = []
        self.member: Member = hub.enter(self.heard.append)
        if nick:
            hub.rename(self.member, nick)

    def take(self) -> list[Event]:
        """What was heard since this was last called."""
        heard, self.heard[:] = self.heard[:], []
        return heard


class Bus:
    """What the hubs of several processes publish on: in one order, later."""

    def __init__(self) -> None:
        self.hubs: list[Hub] = []
        self.queue: deque[bytes] = deque()

    def hub(self) -> Hub:
        """The hub of one more process."""
        hub = Hub(lambda: NOON, random.Random(len(self.hubs)))
        hub.publish = self.queue.append
        self.hubs.append(hub)
        return hub

    def deliver(self, most: int | None = None) -> list[bytes]:
        """Deliver what was published, or a part of it; and return it."""
        delivered: list[bytes] = []
        while self.queue and len(delivered) != most:
            delivered.append(self.queue.popleft())
            for hub in self.hubs:
                hub.receive(delivered[-1])
        return delivered


@pytest.fixture
def bus() -> Bus:
    """A bus without hubs."""
    return Bus()


@pytest.fixture
def hub(bus: Bus) -> Hub:
    """A hub that is alone."""
    return bus.hub()


class Client:
    """Somebody on a port of the host in memory."""

    def __init__(self, reactor: MemoryReactor, port: int) -> None:
        self.reactor = reactor
        self.peer: Peer = reactor.port(port).connect()

    def send(self, *lines: str) -> list[str]:
        """Send lines, let the bus deliver, and return what has come since the last time."""
        self.peer.protocol.dataReceived("".join(f"{line}\n" for line in lines).encode())
        self.reactor.turn()
        return self.lines()

    def lines(self) -> list[str]:
        """The lines that have come since the last time."""
        received: bytes = self.peer.value()
        self.peer.clear()
        assert received.endswith(b"\n") or not received
        return received.decode().splitlines()

    def ask(self, **request: Any) -> list[dict[str, Any]]:
        """Send an object, let the bus deliver, and return the objects that have come since the last time."""
        return [json.loads(line) for line in self.send(json.dumps(request))]


SETTINGS = """
[shared.bus]
[services.chat]
lines = ["tcp:127.0.0.1:7070"]
json_lines = ["tcp:127.0.0.1:7071"]
"""


class House:
    """A host in memory that serves the chat."""

    def __init__(self, reactor: MemoryReactor, installed: type[Installed], folder: Path) -> None:
        self.reactor = reactor
        self.text = SETTINGS
        self._catalogue = installed(chat, shared=[bus_plugin])
        self._folder = folder
        self.forge = Forge(self._draw(), cast(IReactor, reactor), self._draw)
        self.forge.startService()
        self.settle(self.forge.when_ready())

    def person(self, nick: str, room: str = "lobby", port: int = 7070) -> Client:
        """Somebody who is in a room, and has read everything."""
        client = Client(self.reactor, port)
        client.send(f"/nick {nick}", *([f"/join {room}"] if room else []))
        return client

    def reload(self, more: str = "") -> None:
        """Reload with other settings of the chat."""
        self.text = SETTINGS + more
        self.settle(self.forge.reload())

    def settle(self, deferred: Deferred[Any]) -> None:
        """Let the reactor turn until something is done, and raise what it raises."""
        self.reactor.turn()
        results: list[Any] = []
        deferred.addBoth(results.append)
        [result] = results
        if isinstance(result, Failure):
            result.raiseException()

    def _draw(self) -> Blueprint:
        return draw(read_text(self.text, self._folder, "forge.toml"), self._catalogue)


@pytest.fixture
def house(memory: MemoryReactor, installed: type[Installed], tmp_path: Path) -> House:
    """A host in memory that serves the chat: to people on port 7070, to programs on port 7071."""
    return House(memory, installed, tmp_path)
