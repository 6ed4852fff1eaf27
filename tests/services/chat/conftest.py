"""Hubs of several processes on one bus, with people who write down what they hear; a host in a world, with clients."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from netforge.host import Forge
from netforge.host.settings import Blueprint, draw, read_text
from netforge.plugin import Internet, parse_address
from netforge.services.chat import chat
from netforge.services.chat.events import Event
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Member
from netforge.shared.bus import bus as bus_plugin
from netforge.shared.layers.limits import limits, memory
from netforge.shared.metrics import metrics
from netforge.shared.pages import pages
from tests.cli.conftest import launch
from tests.testing.behaviours.conftest import world

if TYPE_CHECKING:
    from tests.conftest import Installed
    from tests.testing.behaviours.worlds import World

__all__ = ["NOON", "SETTINGS", "Bus", "Client", "House", "Person", "Robot", "Talker", "launch", "world"]

C = TypeVar("C", bound="Client")

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


class Client(LineOnlyReceiver):
    """A connection to the chat.

    :ivar heard: the lines that came and were not taken yet, without their ends.
    :ivar lost: why it ended, if it did.
    """

    MAX_LENGTH = 2**24
    delimiter = b"\r\n"
    transport: Any
    #: Refused at once, with an answer that nothing else has: so what came before it is all that there was to come.
    marker: str

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.lost: Failure | None = None
        self._wanted: tuple[Callable[[], bool], Deferred[None]] | None = None

    @property
    def cut(self) -> bool:
        """Whether it ended otherwise than in good order."""
        return self.lost is not None and not self.lost.check(ConnectionDone)

    def lineReceived(self, line: bytes) -> None:
        self.heard.append(line.decode())
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason
        self._look()

    def type(self, *lines: str) -> None:
        """Send lines."""
        self.transport.write("".join(f"{line}\n" for line in lines).encode())

    async def send(self, *lines: str) -> list[str]:
        """Send lines, and return what has come since the last time when they have had their effect."""
        self.type(*lines)
        return await self.lines()

    async def lines(self) -> list[str]:
        """The lines that have come since the last time."""
        if self.lost is None:
            self.type(self.marker)
        await self._until(lambda: bool(self.heard) and self.is_answer(self.heard[-1]))
        heard, self.heard = self.heard, []
        return [line for line in heard if not self.is_answer(line)]

    async def hears(self, line: str) -> None:
        """Wait for a line."""
        if line not in self.heard:
            await self._until(lambda: self.heard[-1:] == [line])
        assert line in self.heard, f"the connection ended: {self.heard}"

    async def read_to(self, last: str) -> list[str]:
        """The lines up to this one."""
        await self.hears(last)
        end = self.heard.index(last) + 1
        found, self.heard = self.heard[:end], self.heard[end:]
        return found

    async def rest(self) -> list[str]:
        """The lines up to the end of the connection."""
        await self._until(lambda: False)
        heard, self.heard = self.heard, []
        return heard

    def is_answer(self, line: str) -> bool:
        """Whether this is what the marker is answered."""
        raise NotImplementedError

    def _until(self, enough: Callable[[], bool]) -> Deferred[None]:
        """Fires when there is enough, or nothing more will come."""
        done: Deferred[None] = Deferred()
        self._wanted = enough, done
        self._look()
        return done

    def _look(self) -> None:
        if self._wanted is not None and (self.lost is not None or self._wanted[0]()):
            (_, done), self._wanted = self._wanted, None
            done.callback(None)


class Talker(Client):
    """Somebody at a terminal."""

    marker = "/nick"

    def is_answer(self, line: str) -> bool:
        return line == "* Type /nick NAME"


class Robot(Client):
    """A program."""

    delimiter = b"\n"
    marker = '{"type": "marker", "id": "marker"}'

    def is_answer(self, line: str) -> bool:
        return line.endswith('"id":"marker"}')

    async def ask(self, **request: Any) -> list[dict[str, Any]]:
        """Send an object, and return the objects that have come since the last time."""
        return [json.loads(line) for line in await self.send(json.dumps(request))]


SETTINGS = """
[shared.bus]
[services.chat]
lines = ["tcp:{host}:0"]
json_lines = ["tcp:{host}:0"]
"""


class Place(Protocol):
    """Where a house stands."""

    server: Any
    client: Any
    host: str


class House:
    """A host that serves the chat in a world.

    :ivar text: its settings.
    """

    def __init__(self, world: Place, installed: type[Installed], folder: Path) -> None:
        self.world = world
        self.text = SETTINGS.format(host=world.host)
        self._settings = self.text
        self._catalogue = installed(chat, shared=[bus_plugin, memory, metrics, pages], layers=[limits])
        self._folder = folder
        self._clients: list[Client] = []

    async def during(self, body: Coroutine[Deferred[Any], Any, None]) -> None:
        """Serve while a test runs."""
        self.forge = Forge(self._draw(), self.world.server, self._draw, random.Random(1))
        self.forge.startService()
        try:
            await self.forge.when_ready()
            await body
        finally:
            await self.forge.stopService()
            for client in self._clients:
                client.transport.abortConnection()
                await client.rest()

    async def connect(self, kind: type[C], service: str = "chat", reactor: Any = None) -> C:
        """Connect to where such clients are served.

        :param reactor: who connects, if it is not the world's client.
        """
        addresses = [parse_address(one.address) for one in self.forge.serving if one.name == service]
        address = addresses[kind is Robot]
        assert isinstance(address, Internet)
        endpoint = HostnameEndpoint(reactor or self.world.client, address.host, address.port)
        client: C = await connectProtocol(endpoint, kind())
        self._clients.append(client)
        return client

    async def person(self, nick: str, room: str = "lobby", service: str = "chat", reactor: Any = None) -> Talker:
        """Somebody who is in a room, and has read everything."""
        talker = await self.connect(Talker, service, reactor)
        await talker.send(f"/nick {nick}", *([f"/join {room}"] if room else []))
        return talker

    async def program(self, nick: str = "robot", room: str = "lobby", reactor: Any = None) -> Robot:
        """A program that is in a room, and has read everything."""
        robot = await self.connect(Robot, reactor=reactor)
        await robot.ask(type="nick", nick=nick)
        await robot.ask(type="join", room=room)
        return robot

    async def reload(self, more: str = "") -> None:
        """Reload with other settings of the chat."""
        self.text = self._settings + more
        await self.forge.reload()

    def _draw(self) -> Blueprint:
        return draw(read_text(self.text, self._folder, "forge.toml"), self._catalogue)


@pytest.fixture
def house(world: World, installed: type[Installed], tmp_path: Path) -> House:
    """A host that serves the chat, while a test that is a coroutine runs."""
    return House(world, installed, tmp_path)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests that are coroutines run in a house."""
    if not iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in signature(pyfuncitem.obj).parameters}
    house = cast(House, pyfuncitem.funcargs["house"])
    cast("World", house.world).run(house.during(pyfuncitem.obj(**arguments)))
    return True
