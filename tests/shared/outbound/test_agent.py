"""The client in the hands of libraries that take one of Twisted's agents."""

from __future__ import annotations

from typing import Any

import pytest
from treq.client import HTTPClient
from twisted.internet.protocol import Protocol

from netforge.plugin import OutboundRefused
from netforge.protocols.http import Exchange
from tests.shared.outbound.conftest import World


async def echo(exchange: Exchange) -> None:
    if exchange.request.target == "/go":
        exchange.respond(302, [(b"location", b"/there")])
    else:
        exchange.respond(200, [(b"set-cookie", b"a=b")], await exchange.body(1 << 20) or b"hello")


def test_treq_works_on_it(world: World) -> None:
    world.serve(echo)
    treq = HTTPClient(world.client().agent())

    reactor: Any = world.machine.reactor

    async def ask() -> None:
        response = await treq.get("http://server/go", reactor=reactor)
        assert (response.code, await response.text()) == (200, "hello")
        response = await treq.post("http://server/", json={"a": 1}, reactor=reactor)
        assert await response.json() == {"a": 1}

    world.run(ask())
    assert [target for _, target, _ in world.seen] == ["/go", "/there", "/"]
    assert world.seen[-1][2]["cookie"] == "a=b"
    assert len(world.connections) == 1


def test_the_guard_looks_at_it(world: World) -> None:
    world.serve(echo)
    treq = HTTPClient(world.client().agent(untrusted=True))

    reactor: Any = world.machine.reactor

    async def ask() -> None:
        with pytest.raises(OutboundRefused):
            await treq.get("http://server/", reactor=reactor)

    world.run(ask())


def test_what_its_protocol_does_not_take_makes_the_server_wait(world: World) -> None:
    written = 0

    async def endless(exchange: Exchange) -> None:
        nonlocal written
        exchange.begin(200)
        while not exchange.lost:
            exchange.write(bytes(1 << 16))
            written += 1 << 16
            await exchange.ready()

    class Lazy(Protocol):
        taken = 0

        def dataReceived(self, data: bytes) -> None:
            self.taken += len(data)
            self.transport.pauseProducing()  # type: ignore[union-attr]  # it is connected

    world.serve(endless, idle=None)
    lazy = Lazy()
    response = world.network.run_until(world.client().agent().request(b"GET", b"http://server/", None, None))
    response.deliverBody(lazy)
    world.network.run(10)
    assert 0 < lazy.taken <= written < 2 << 20
    lazy.transport.abortConnection()  # type: ignore[union-attr]  # it is connected
