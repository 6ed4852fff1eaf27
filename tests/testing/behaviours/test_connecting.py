"""Streams come about, or do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionDone,
    ConnectionRefusedError,  # noqa: A004  Twisted's
    NotConnectingError,
    TimeoutError,  # noqa: A004  Twisted's
    UserError,
)
from twisted.internet.protocol import Protocol

from tests.testing.behaviours.recording import Attempts, Recorder, Serving
from tests.testing.behaviours.streams import Stream, listen, port_of, settle
from tests.testing.behaviours.worlds import World


async def test_what_each_side_writes_arrives_at_the_other(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.write(b"ping")
    await server.received(4)
    server.transport.write(b"pong")
    await client.received(4)
    assert server.events == [("made",), ("data", b"ping")]
    assert client.events == [("made",), ("data", b"pong")]


async def test_what_is_written_when_the_connection_is_made_arrives(stream: Stream) -> None:
    class Greeter(Recorder):
        def connectionMade(self) -> None:
            super().connectionMade()
            self.transport.write(b"hello")

    server, client = Greeter(stream.world.client), Greeter(stream.world.client)
    await stream.join(server, client)
    assert await gatherResults([Deferred.fromCoroutine(one.received(5)) for one in (server, client)]) == [b"hello"] * 2


async def test_the_factory_is_told_of_each_step_in_order(world: World) -> None:
    server, client = Recorder(world.client), Recorder(world.client)
    port = listen(world, Serving(world.client, lambda: server))
    factory = Attempts(world.client, lambda: client)
    connector = world.client.connectTCP(world.host, port_of(port), factory)
    assert factory.events == [("started",)]
    await server.happened("made")
    await client.happened("made")
    assert factory.events == [("started",), ("built", port.getHost())]
    connector.disconnect()
    await factory.happened("lost")
    assert factory.events[2:] == [("lost", ConnectionDone)]
    assert client.events == [("made",), ("lost", ConnectionDone)]


async def test_the_protocol_learns_of_the_end_before_its_factory(world: World) -> None:
    order: list[str] = []

    class Client(Recorder):
        def connectionLost(self, reason: object = None) -> None:
            order.append("protocol")

    class Factory(Attempts):
        def clientConnectionLost(self, connector: object, reason: object) -> None:  # noqa: N802  Twisted's
            order.append("factory")
            self.note("lost")

    server = Recorder(world.client)
    port = listen(world, Serving(world.client, lambda: server))
    factory = Factory(world.client, lambda: Client(world.client))
    world.client.connectTCP(world.host, port_of(port), factory)
    await server.happened("made")
    server.transport.loseConnection()
    await factory.happened("lost")
    assert order == ["protocol", "factory"]


async def test_a_connector_can_connect_again(world: World) -> None:
    serving = Serving(world.client, lambda: Recorder(world.client))
    factory = Attempts(world.client, lambda: Recorder(world.client))
    connector = world.client.connectTCP(world.host, port_of(listen(world, serving)), factory)
    await serving.happened("built")
    await serving.protocols[0].happened("made")
    serving.protocols[0].transport.loseConnection()
    await factory.happened("lost")
    connector.connect()
    await factory.happened("built", times=2)
    assert [event[0] for event in factory.events] == ["started", "built", "lost", "started", "built"]


async def test_both_ends_know_both_addresses(world: World) -> None:
    server, client = Recorder(world.client), Recorder(world.client)
    serving = Serving(world.client, lambda: server)
    port = listen(world, serving)
    await connectProtocol(TCP4ClientEndpoint(world.client, world.host, port_of(port)), client)
    await server.happened("made")
    here, there = client.transport.getHost(), client.transport.getPeer()
    assert there == port.getHost() == IPv4Address("TCP", world.host, port_of(port))
    assert isinstance(here, IPv4Address)
    assert here.port != 0
    assert (server.transport.getHost(), server.transport.getPeer()) == (there, here)
    assert serving.events == [("start",), ("built", here)]


async def test_addresses_are_known_until_after_the_end(world: World, stream: Stream) -> None:
    server, client = await stream.pair()
    addresses = [one.transport.getHost() for one in (server, client)] + [server.transport.getPeer()]
    client.transport.loseConnection()
    await server.lost()
    await client.lost()
    assert [server.transport.getPeer(), client.transport.getPeer()] == [addresses[2], addresses[0]]
    assert type(addresses[0]) in (IPv4Address, UNIXAddress)


async def test_a_client_may_choose_its_port(world: World) -> None:
    free = world.client.listenTCP(0, Serving(world.client, Protocol))
    number = port_of(free)
    await free.stopListening()
    serving = Serving(world.client, lambda: Recorder(world.client))
    factory = Attempts(world.client, lambda: Recorder(world.client))
    world.client.connectTCP(world.host, port_of(listen(world, serving)), factory, bindAddress=("", number))
    await serving.happened("built")
    assert serving.events[-1][1].port == number


async def test_many_connections_are_kept_apart(world: World) -> None:
    class Echo(Protocol):
        def dataReceived(self, data: bytes) -> None:
            assert self.transport is not None
            self.transport.write(data)

    port = listen(world, Serving(world.client, Echo))
    endpoint = TCP4ClientEndpoint(world.client, world.host, port_of(port))
    clients = [Recorder(world.client) for _ in range(40)]
    await gatherResults([connectProtocol(endpoint, client) for client in clients])
    for number, client in enumerate(clients):
        client.transport.write(b"%02d" % number)
    for number, client in enumerate(clients):
        assert await client.received(2) == b"%02d" % number


async def closed_port(world: World) -> int:
    """A port where nothing listens."""
    port = listen(world, Serving(world.client, Protocol))
    number = port_of(port)
    await port.stopListening()
    return number


async def test_an_endpoint_is_refused_where_nothing_listens(world: World) -> None:
    endpoint = TCP4ClientEndpoint(world.client, world.host, await closed_port(world))
    with pytest.raises(ConnectionRefusedError):
        await connectProtocol(endpoint, Protocol())


async def test_a_factory_is_refused_where_nothing_listens(world: World) -> None:
    factory = Attempts(world.client, Protocol)
    world.client.connectTCP(world.host, await closed_port(world), factory)
    await factory.happened("failed")
    assert factory.events == [("started",), ("failed", ConnectionRefusedError)]


@asynccontextmanager
async def unanswering(world: World) -> AsyncIterator[Any]:
    """A port whose backlog is full, so that whoever connects there waits."""
    port = listen(world, Serving(world.client, Protocol), backlog=1)
    port.pauseProducing()
    endpoint = TCP4ClientEndpoint(world.client, world.host, port_of(port))
    # Linux takes one more than it was told.
    for _ in range(2):
        await connectProtocol(endpoint, Protocol())
    yield port
    await port.stopListening()


async def test_a_connection_that_nobody_answers_times_out(world: World) -> None:
    factory = Attempts(world.client, Protocol)
    async with unanswering(world) as port:
        world.client.connectTCP(world.host, port_of(port), factory, timeout=0.05)
        await factory.happened("failed")
    assert factory.events == [("started",), ("failed", TimeoutError)]


async def test_an_endpoint_that_nobody_answers_times_out(world: World) -> None:
    async with unanswering(world) as port:
        endpoint = TCP4ClientEndpoint(world.client, world.host, port_of(port), timeout=0.05)
        with pytest.raises(TimeoutError):
            await connectProtocol(endpoint, Protocol())


async def test_an_attempt_can_be_stopped(world: World) -> None:
    factory = Attempts(world.client, Protocol)
    async with unanswering(world) as port:
        connector = world.client.connectTCP(world.host, port_of(port), factory)
        await settle(world)
        connector.stopConnecting()
    assert factory.events == [("started",), ("failed", UserError)]
    with pytest.raises(NotConnectingError):
        connector.stopConnecting()


async def test_an_attempt_can_be_stopped_at_once(world: World) -> None:
    serving = Serving(world.client, Protocol)
    factory = Attempts(world.client, Protocol)
    connector = world.client.connectTCP(world.host, port_of(listen(world, serving)), factory)
    connector.stopConnecting()
    assert factory.events == [("started",), ("failed", UserError)]
    await settle(world)
    assert serving.events == [("start",)]


@pytest.mark.parametrize("turns", ["at once", "later"])
async def test_an_attempt_of_an_endpoint_can_be_cancelled(world: World, turns: str) -> None:
    async with unanswering(world) as port:
        address = port.getHost()
        attempt = connectProtocol(TCP4ClientEndpoint(world.client, world.host, address.port), Protocol())
        if turns == "later":
            await settle(world)
        attempt.cancel()
        with pytest.raises(ConnectingCancelledError) as caught:
            await attempt
    assert caught.value.address == address
