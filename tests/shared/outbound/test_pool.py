"""Connections that are shared, and their limits."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from netforge.plugin import OutboundBusy, OutboundFailed
from netforge.protocols.http import Exchange
from netforge.shared.outbound.client import Outbound
from tests.shared.outbound.conftest import World


class Slow:
    """Answers after a second, and counts how many wait at once."""

    def __init__(self, world: World) -> None:
        self.reactor = world.network.machine("server").reactor
        self.now = self.most = 0

    async def __call__(self, exchange: Exchange) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        pause: Deferred[None] = Deferred()
        self.reactor.callLater(1, pause.callback, None)
        await pause
        self.now -= 1
        exchange.respond(200, [], b"slow")


async def fetched(client: Outbound, url: str = "http://server/") -> bytes:
    reply = await client.request("GET", url)
    body: bytes = await reply.body(100)
    return body


def many(client: Outbound, count: int) -> Deferred[Any]:
    return gatherResults([Deferred.fromCoroutine(fetched(client)) for _ in range(count)], consumeErrors=True)


def test_no_more_connections_to_a_server_than_allowed(world: World) -> None:
    slow = Slow(world)
    world.serve(slow)
    assert world.network.run_until(many(world.client(connections=3), 9)) == [b"slow"] * 9
    assert slow.most == 3
    assert len(world.connections) == 3
    assert 3 < world.network.now < 3.1


def test_servers_do_not_wait_for_each_other(world: World) -> None:
    world.serve(Slow(world))
    world.serve(name="other")
    client = world.client(connections=1)
    waiting = many(client, 5)
    begin = world.network.now
    assert world.get("http://other/", client) == (200, b"hello")
    assert world.network.now - begin < 0.1
    world.network.run_until(waiting)


def test_only_so_many_wait(world: World) -> None:
    world.serve(Slow(world))
    client = world.client(connections=1, queue=2, retries=0)
    waiting = many(client, 3)
    with pytest.raises(OutboundBusy, match="2 requests wait for one of 1 connections already") as raised:
        world.get(client=client)
    assert raised.value.stage == "queue"
    assert world.network.run_until(waiting) == [b"slow"] * 3


def test_who_gives_up_waiting_leaves_the_queue(world: World) -> None:
    world.serve(Slow(world))
    client = world.client(connections=1)
    first, second, third = (Deferred.fromCoroutine(fetched(client)) for _ in range(3))
    second.cancel()
    assert world.network.run_until(gatherResults([first, third])) == [b"slow"] * 2
    with pytest.raises(CancelledError):
        world.network.run_until(second)
    assert len(world.seen) == 2


def test_a_cancelled_request_ends_its_connection(world: World) -> None:
    world.serve(Slow(world))
    client = world.client(connections=1)
    first = Deferred.fromCoroutine(fetched(client))
    world.network.run(0.5)
    first.cancel()
    with pytest.raises(CancelledError):
        world.network.run_until(first)
    assert world.get(client=client) == (200, b"slow")
    assert len(world.connections) == 2


def test_a_reply_that_nobody_holds_gives_its_connection_back(world: World) -> None:
    world.serve(lambda exchange: exchange.respond(200, [], bytes(1 << 20)))
    client = world.client(connections=1)

    async def careless() -> int:
        return int((await client.request("GET", "http://server/")).status)

    for _ in range(3):
        assert world.run(careless()) == 200
        gc.collect()


def test_a_closed_reply_is_over(world: World) -> None:
    world.serve(lambda exchange: exchange.respond(200, [], bytes(1 << 20)))
    client = world.client(connections=1)

    async def close() -> None:
        reply = await client.request("GET", "http://server/")
        assert await reply.read()
        reply.close()
        reply.close()
        with pytest.raises(OutboundFailed, match="was closed"):
            while await reply.read():
                pass

    for _ in range(2):
        world.run(close())


def test_connections_without_requests_are_closed_after_a_while(world: World) -> None:
    world.serve()
    client = world.client(idle=10)
    world.get(client=client)
    world.network.run(9)
    assert world.connections[0].transport.connected
    world.network.run(2)
    assert not world.connections[0].transport.connected


def test_closing_cuts_everything(world: World) -> None:
    world.serve(Slow(world))
    client = world.client(retries=0)
    waiting = Deferred.fromCoroutine(fetched(client))
    world.network.run(0.5)
    world.run(client.close())
    with pytest.raises(OutboundFailed):
        world.network.run_until(waiting)
    assert not world.machine.reactor.getDelayedCalls()


def test_what_is_not_read_makes_the_server_wait(world: World) -> None:
    written = 0

    async def endless(exchange: Exchange) -> None:
        nonlocal written
        exchange.begin(200)
        while written < 100 << 20 and not exchange.lost:
            exchange.write(bytes(1 << 16))
            written += 1 << 16
            await exchange.ready()

    world.serve(endless, idle=None)
    client = world.client()
    reply = world.network.run_until(client.request("GET", "http://server/"))
    world.network.run(60)
    assert written < 2 << 20
    reply.close()


def test_a_head_without_end_is_cut_off(world: World) -> None:
    from twisted.internet.protocol import Factory, Protocol

    class Endless(Protocol):
        def dataReceived(self, data: bytes) -> None:
            assert self.transport is not None
            self.transport.write(b"HTTP/1.1 200 OK\r\n" + b"X-Field: again\r\n" * 200_000)

    world.network.machine("server").reactor.listenTCP(80, Factory.forProtocol(Endless))
    with pytest.raises(OutboundFailed) as raised:
        world.get()
    assert raised.value.stage == "response"
    assert world.network.now < 1
