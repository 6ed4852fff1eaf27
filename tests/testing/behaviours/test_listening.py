"""Ports open and close."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.error import (
    CannotListenError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,  # noqa: A004  Twisted's
)
from twisted.internet.protocol import Protocol

from tests.testing.behaviours.recording import Attempts, Recorder, Serving
from tests.testing.behaviours.streams import Stream, listen, port_of, settle
from tests.testing.behaviours.worlds import World


async def test_port_0_is_any_free_port(world: World) -> None:
    ports = [listen(world, Serving(world.client, Protocol)) for _ in range(3)]
    addresses = [port.getHost() for port in ports]
    assert addresses == [IPv4Address("TCP", world.host, address.port) for address in addresses]
    assert len({address.port for address in addresses} - {0}) == 3


async def test_a_port_without_an_interface_listens_on_all(world: World) -> None:
    serving = Serving(world.client, lambda: Recorder(world.client))
    port = world.server.listenTCP(0, serving)
    assert port.getHost() == IPv4Address("TCP", "0.0.0.0", port_of(port))
    await connectProtocol(TCP4ClientEndpoint(world.client, world.host, port_of(port)), Protocol())
    await serving.happened("built")
    assert serving.protocols[0].transport.getHost() == IPv4Address("TCP", world.host, port_of(port))


async def test_a_taken_port_cannot_be_listened_on(world: World) -> None:
    number = port_of(listen(world, Serving(world.client, Protocol)))
    factory = Serving(world.client, Protocol)
    with pytest.raises(CannotListenError) as caught:
        listen(world, factory, number)
    assert (caught.value.interface, caught.value.port) == (world.host, number)
    assert factory.events == []
    with pytest.raises(CannotListenError):
        await TCP4ServerEndpoint(world.server, number, interface=world.host).listen(factory)


async def test_an_address_that_is_not_of_the_machine_cannot_be_listened_on(world: World) -> None:
    with pytest.raises(CannotListenError):
        world.server.listenTCP(0, Serving(world.client, Protocol), interface="192.0.2.1")


async def test_a_port_that_was_closed_can_be_opened_again(world: World) -> None:
    port = listen(world, Serving(world.client, lambda: Recorder(world.client)))
    number = port_of(port)
    # With a connection that the server has closed first, so that the kernel remembers it for a while.
    client = Recorder(world.client)
    await connectProtocol(TCP4ClientEndpoint(world.client, world.host, number), client)
    await port.factory.happened("built")
    await port.factory.protocols[0].happened("made")
    port.factory.protocols[0].transport.loseConnection()
    await client.lost()
    await port.stopListening()
    assert port_of(listen(world, Serving(world.client, Protocol), number)) == number


async def test_a_port_can_stop_and_start_again(world: World) -> None:
    factory = Serving(world.client, Protocol)
    port = listen(world, factory)
    await port.stopListening()
    port.startListening()
    await connectProtocol(TCP4ClientEndpoint(world.client, world.host, port_of(port)), Protocol())
    assert [event[0] for event in factory.events[:3]] == ["start", "stop", "start"]


async def test_a_closed_port_refuses_but_its_connections_live(stream: Stream) -> None:
    server, client = Recorder(stream.world.client), Recorder(stream.world.client)
    factory = Serving(stream.world.client, lambda: server)
    port, endpoint = await stream.listen(factory)
    await connectProtocol(endpoint, client)
    await server.happened("made")
    await port.stopListening()
    with pytest.raises(Exception, match=r"No such file|refused"):
        await connectProtocol(endpoint, Protocol())
    client.transport.write(b"still here")
    assert await server.received(10) == b"still here"
    assert [event[0] for event in factory.events] == ["start", "built", "stop"]


async def test_a_port_closes_in_a_turn_of_its_own(world: World) -> None:
    factory = Serving(world.client, Protocol)
    stopped = listen(world, factory).stopListening()
    assert not stopped.called
    await stopped
    assert factory.events == [("start",), ("stop",)]


async def test_closing_a_closed_port_makes_no_difference(world: World) -> None:
    factory = Serving(world.client, Protocol)
    port = listen(world, factory)
    await port.stopListening()
    await maybeDeferred(port.stopListening)
    assert factory.events == [("start",), ("stop",)]


async def test_a_factory_on_two_ports_stops_with_the_last(world: World) -> None:
    factory = Serving(world.client, Protocol)
    ports = [listen(world, factory) for _ in range(2)]
    await ports[0].stopListening()
    assert factory.events == [("start",)]
    await ports[1].stopListening()
    assert factory.events == [("start",), ("stop",)]


async def test_connections_wait_in_the_backlog_until_they_are_accepted(world: World) -> None:
    serving = Serving(world.client, lambda: Recorder(world.client))
    port = listen(world, serving, backlog=5)
    port.pauseProducing()
    clients = [Recorder(world.client) for _ in range(5)]
    for number, client in enumerate(clients):
        await connectProtocol(TCP4ClientEndpoint(world.client, world.host, port_of(port)), client)
        client.transport.write(b"%d" % number)
    await settle(world)
    assert serving.protocols == []
    port.resumeProducing()
    await serving.happened("built", times=5)
    assert [await server.received(1) for server in serving.protocols] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_connection_that_ended_in_the_backlog_is_accepted_nevertheless(world: World) -> None:
    serving = Serving(world.client, lambda: Recorder(world.client))
    port = listen(world, serving)
    port.pauseProducing()
    client = Recorder(world.client)
    await connectProtocol(TCP4ClientEndpoint(world.client, world.host, port_of(port)), client)
    client.transport.write(b"and gone")
    client.transport.loseConnection()
    await client.lost()
    await settle(world)
    port.resumeProducing()
    await serving.happened("built")
    server = serving.protocols[0]
    await server.lost()
    assert server.events == [("made",), ("data", b"and gone"), ("lost", ConnectionDone)]


async def test_who_waits_in_the_backlog_of_a_port_that_closes_is_cut(world: World) -> None:
    port = listen(world, Serving(world.client, Protocol))
    port.pauseProducing()
    client = Recorder(world.client)
    await connectProtocol(TCP4ClientEndpoint(world.client, world.host, port_of(port)), client)
    await port.stopListening()
    assert await client.lost() is ConnectionLost


async def test_nobody_can_connect_between_ports(world: World) -> None:
    number = port_of(port := listen(world, Serving(world.client, Protocol)))
    await port.stopListening()
    factory = Attempts(world.client, Protocol)
    world.client.connectTCP(world.host, number, factory)
    await factory.happened("failed")
    assert factory.events[-1] == ("failed", ConnectionRefusedError)
