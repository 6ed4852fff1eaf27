"""Every stage has its time, and an error names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from netforge.plugin import OutboundTimeout, OutboundTimeouts
from netforge.protocols.http import Exchange
from netforge.shared.outbound.proxies import Proxies, Proxy
from tests.shared.outbound.conftest import World
from tests.shared.outbound.secure import believing_nobody


def silent(world: World, port: int = 80) -> None:
    """A server that takes connections, and says nothing."""
    world.network.machine("server").reactor.listenTCP(port, Factory.forProtocol(Protocol))


def late(world: World, url: str = "http://server/", method: str = "GET", **options: Any) -> tuple[str, float]:
    """The stage that takes too long, and when."""
    begin = world.network.now
    with pytest.raises(OutboundTimeout) as raised:
        world.request(method, url, **options)
    assert url.split("?", maxsplit=1)[0] in str(raised.value)
    return raised.value.stage, round(world.network.now - begin, 1)


def test_looking_up_a_name(world: World, quick: OutboundTimeouts) -> None:
    world.network.names.delay = 100
    assert late(world, timeouts=quick) == ("name", 0.2)


def test_connecting(world: World, quick: OutboundTimeouts) -> None:
    world.serve()
    world.network.link("client", "server").cut()
    assert late(world, timeouts=quick) == ("connect", 0.3)


def test_a_tunnel(world: World, quick: OutboundTimeouts) -> None:
    silent(world, 3128)
    client = world.client(believing_nobody, proxies=Proxies(None, Proxy("server", 3128)), retries=0)
    assert late(world, "https://else.where/", client=client, timeouts=quick) == ("proxy", 0.4)


def test_agreeing_on_tls(world: World, quick: OutboundTimeouts) -> None:
    silent(world, 443)
    client = world.client(believing_nobody, retries=0)
    assert late(world, "https://server/", client=client, timeouts=quick) == ("tls", 0.5)


def test_a_server_that_does_not_take_the_request(world: World, quick: OutboundTimeouts) -> None:
    world.serve(lambda exchange: None)
    assert late(world, method="POST", body=bytes(10 << 20), timeouts=quick) == ("send", 0.6)


def test_a_server_that_takes_the_request_slowly_is_waited_for(world: World, quick: OutboundTimeouts) -> None:
    async def slow(exchange: Exchange) -> None:
        reactor = world.network.machine("server").reactor
        while await exchange.read():
            pause: Deferred[None] = Deferred()
            reactor.callLater(0.05, pause.callback, None)
            await pause
        exchange.respond(200, [], b"all")

    world.serve(slow)
    # What the systems in between hold goes on after the last piece is sent.
    patient = replace(quick, send=2, response=10)
    assert world.request("POST", body=bytes(1 << 20), timeouts=patient) == (200, b"all")
    assert world.network.now > 6


def test_the_head_of_the_response(world: World, quick: OutboundTimeouts) -> None:
    silent(world)
    assert late(world, timeouts=quick) == ("response", 0.7)


def test_each_piece_of_the_response(world: World, quick: OutboundTimeouts) -> None:
    def begin(exchange: Exchange) -> None:
        exchange.begin(200)
        exchange.write(b"begun")

    world.serve(begin)
    assert late(world, timeouts=quick) == ("body", 0.8)


def test_waiting_for_a_connection(world: World, quick: OutboundTimeouts) -> None:
    silent(world)
    client = world.client(connections=1, retries=0)
    first = client.request("GET", "http://server/")
    assert late(world, client=client, timeouts=quick) == ("queue", 0.1)
    first.addErrback(lambda _: None)
    first.cancel()


def test_everything_together(world: World) -> None:
    """Redirects and repetitions have one time together, and so has the body."""

    def slow(exchange: Exchange) -> None:
        world.network.machine("server").reactor.callLater(
            1, exchange.respond, 302, [(b"location", b"/")], b"somewhere else"
        )

    world.serve(slow)
    client = world.client(redirects=100)
    stage, seconds = late(world, client=client, timeouts=OutboundTimeouts(total=3.5))
    assert (stage, seconds) == ("response", 3.5)


def test_who_reads_slowly_is_not_the_servers_fault(world: World, quick: OutboundTimeouts) -> None:
    world.serve(lambda exchange: exchange.respond(200, [], bytes(1 << 20)), idle=None)

    async def slow() -> int:
        reply = await world.client().request("GET", "http://server/", timeouts=quick)
        size = 0
        while piece := await reply.read():
            size += len(piece)
            pause: Deferred[None] = Deferred()
            world.machine.reactor.callLater(5, pause.callback, None)
            await pause
        return size

    assert world.run(slow()) == 1 << 20


def test_nothing_is_timed_any_more_after_the_end(world: World) -> None:
    world.serve()
    client = world.client(idle=1)
    world.get(client=client, timeouts=OutboundTimeouts(total=100))
    world.network.run(2)
    assert not world.machine.reactor.getDelayedCalls()
