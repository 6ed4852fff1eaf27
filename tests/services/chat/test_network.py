"""The chat on networks as they are: links lag, lose and are cut; a hundred people talk for an hour."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from netforge.testing import Network
from tests.services.chat.conftest import Client, House, Robot, Talker

if TYPE_CHECKING:
    from tests.conftest import Installed

Body = Coroutine[Deferred[Any], Any, None]


@dataclass
class Site:
    """The server's machine, and one to connect from."""

    server: Any
    client: Any
    host: str


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(1, traced=False) as network:
        yield network
    assert network.failures == []


@pytest.fixture
def house(network: Network, installed: type[Installed], tmp_path: Path) -> House:
    server = network.machine("server")
    return House(Site(server.reactor, network.machine("client").reactor, server.address), installed, tmp_path)


def run(network: Network, house: House, body: Body, timeout: float = 600.0) -> None:
    network.run_until(Deferred.fromCoroutine(house.during(body)), timeout)


@pytest.mark.parametrize("seed", range(5))
def test_everybody_sees_the_same_whatever_the_links_are_like(network: Network, house: House, seed: int) -> None:
    random = Random(seed)
    nicks = [f"person{number}" for number in range(6)]

    async def talk() -> None:
        people = []
        for nick in nicks:
            network.link(
                "server", nick, latency=random.uniform(0, 0.5), jitter=random.uniform(0, 0.2), loss=0.2, mtu=200
            )
            people.append(await house.person(nick, reactor=network.machine(nick).reactor))
        for person in people[:-1]:
            await person.read_to(f"* {nicks[-1]} joined lobby")
        for number in range(20):
            for person in people:
                person.type(f"{number}")
                await deferLater(house.world.client, random.uniform(0, 0.3))
        everything = [f"[lobby] <{nick}> {number}" for nick in nicks for number in range(20)]
        for person in people:
            for nick in nicks:
                await person.hears(f"[lobby] <{nick}> 19")
        heard = [await person.lines() for person in people]
        assert all(one == heard[0] for one in heard)
        assert sorted(heard[0]) == sorted(everything)
        for nick in nicks:
            said = [line for line in heard[0] if f"<{nick}>" in line]
            assert said == [f"[lobby] <{nick}> {number}" for number in range(20)]

    run(network, house, talk())


def test_who_is_behind_a_cut_link_is_dropped_and_delays_nobody(network: Network, house: House) -> None:
    network.link("server", "ada", latency=0.02)
    network.link("server", "bob", latency=0.03)
    link = network.link("server", "cyd", latency=0.04)
    left = "* cyd left (reads too slowly)"

    async def talk() -> None:
        ada, bob, cyd = [
            await house.person(nick, reactor=network.machine(nick).reactor) for nick in ("ada", "bob", "cyd")
        ]
        await ada.lines(), await bob.lines(), await cyd.lines()
        link.cut()
        size, heard = 0, [""]
        while left not in heard:
            said = f"[lobby] <ada> {size:0500}"
            size += len(said) + 2
            began = network.now
            ada.type(f"{size - len(said) - 2:0500}")
            heard = await bob.read_to(said)
            assert network.now - began == pytest.approx(0.02 + 0.03)
        # The buffers of transport and chat are full, and at most those of both kernels, too.
        assert 128 * 1024 < size < 256 * 1024 + 2000
        assert cyd.lost is None
        link.heal()
        heard = await cyd.rest()
        assert cyd.cut
        assert all(line.startswith("[lobby] <ada> ") for line in heard)
        assert (await bob.send("/who"))[-1] == "* 2 here: ada, bob"

    run(network, house, talk())


def test_nobody_is_dropped_for_silence(network: Network, house: House) -> None:
    async def talk() -> None:
        ada = await house.person("ada")
        await deferLater(house.world.client, 7 * 24 * 3600)
        assert await ada.send("still here") == ["[lobby] <ada> still here"]

    run(network, house, talk(), timeout=8 * 24 * 3600)


# An hour

ROOMS = [f"room{number}" for number in range(10)]
HOUR = 3600.0


class Inhabitant:
    """Somebody who says something every half minute, and sometimes moves."""

    def __init__(self, client: Client, nick: str, room: str, random: Random) -> None:
        self.client = client
        self.nick = nick
        self.said: dict[str, list[str]] = defaultdict(list)
        self._room = room
        self._random = random

    async def live(self, reactor: Any) -> None:
        begun = reactor.seconds()
        self._do("join", room=self._room)
        await deferLater(reactor, self._random.uniform(1, 30))
        number = 0
        while reactor.seconds() < begun + HOUR:
            if self._random.random() < 0.02:
                self._do("part", room=self._room)
                self._room = self._random.choice([room for room in ROOMS if room != self._room])
                self._do("join", room=self._room)
            number += 1
            self.said[self._room].append(f"{number}")
            self._do("say", room=self._room, text=f"{number}")
            await deferLater(reactor, self._random.uniform(20, 40))

    def _do(self, what: str, **more: str) -> None:
        if isinstance(self.client, Robot):
            self.client.type(json.dumps({"type": what, **more}))
        else:
            self.client.type({"join": "/join {room}", "part": "/part {room}", "say": "{text}"}[what].format(**more))


EVENT = re.compile(r"\[(\w+)\] .*|\* \w+ (?:joined|left) (\w+)")


def events_of(client: Client) -> dict[str, list[str]]:
    """What a client has seen happen in each room, as people read it."""
    events: dict[str, list[str]] = defaultdict(list)
    for line in client.heard:
        event = as_people_read_it(json.loads(line)) if isinstance(client, Robot) else line
        if found := EVENT.fullmatch(event):
            events[found[1] or found[2]].append(event)
    return events


def as_people_read_it(event: dict[str, Any]) -> str:
    match event:
        case {"type": "said", "room": room, "nick": nick, "text": text}:
            return f"[{room}] <{nick}> {text}"
        case {"type": "joined", "room": room, "nick": nick}:
            return f"* {nick} joined {room}"
        case {"type": "parted", "room": room, "nick": nick}:
            return f"* {nick} left {room}"
    return ""


def stays(nick: str, room: str, events: list[str]) -> list[list[str]]:
    """What happened in a room while somebody was there, once for each time."""
    found: list[list[str]] = []
    there = False
    for event in events:
        if event == f"* {nick} joined {room}":
            there = True
            found.append([])
        if there:
            found[-1].append(event)
        if event == f"* {nick} left {room}":
            there = False
    return found


def test_an_hour_of_a_hundred(network: Network, house: House) -> None:
    """A witness in each room sees everything; what the others see must be that, for as long as they are there."""
    random = Random(1)
    machines = [network.machine(f"machine{number}") for number in range(10)]
    for machine in machines:
        network.link("server", machine, latency=random.uniform(0.005, 0.2), jitter=0.01, loss=0.001)

    async def hour() -> None:
        witnesses = {room: await house.program(f"witness{room}", room) for room in ROOMS}
        people = []
        for number in range(100):
            kind = (Talker, Robot)[number % 2]
            client: Client = await house.connect(kind, reactor=machines[number // 10].reactor)
            nick = f"person{number}"
            client.type(f'{{"type": "nick", "nick": "{nick}"}}' if kind is Robot else f"/nick {nick}")
            people.append(Inhabitant(client, nick, ROOMS[number % 10], Random(number)))
        await gatherResults([Deferred.fromCoroutine(one.live(house.world.client)) for one in people])
        await deferLater(house.world.client, 60)
        seen = {room: events_of(witness)[room] for room, witness in witnesses.items()}
        for one in people:
            events = events_of(one.client)
            for room in ROOMS:
                said = [event for event in seen[room] if event.startswith(f"[{room}] <{one.nick}> ")]
                assert said == [f"[{room}] <{one.nick}> {text}" for text in one.said[room]]
                assert stays(one.nick, room, events[room]) == stays(one.nick, room, seen[room])
        assert sum(len(texts) for one in people for texts in one.said.values()) > 11_000
        assert sum(len(one.said) > 1 for one in people) > 50

    run(network, house, hour(), timeout=2 * HOUR)
