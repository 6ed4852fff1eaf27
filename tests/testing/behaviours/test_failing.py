"""Protocols and factories that raise errors: what is logged, and what the peer sees of it."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import connectProtocol
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import IAddress

from tests.testing.behaviours.recording import Attempts, BrokenError, Recorder, Serving
from tests.testing.behaviours.streams import Stream, forgets_a_socket, listen, port_of
from tests.testing.behaviours.worlds import World


class BrokenWhenMade(Recorder):
    def connectionMade(self) -> None:
        super().connectionMade()
        raise BrokenError


class BrokenByData(Recorder):
    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        raise BrokenError


class BrokenWhenLost(Recorder):
    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        raise BrokenError


async def test_an_error_over_data_ends_the_connection(stream: Stream) -> None:
    server, client = BrokenByData(stream.world.client), Recorder(stream.world.client)
    await stream.join(server, client)
    client.transport.write(b"poison")
    assert await server.lost() is BrokenError
    assert await client.lost() is ConnectionDone
    assert server.events == [("made",), ("data", b"poison"), ("lost", BrokenError)]
    assert len(stream.world.flush(BrokenError)) == 1


async def test_an_error_over_the_end_is_logged(stream: Stream) -> None:
    server, client = BrokenWhenLost(stream.world.client), Recorder(stream.world.client)
    await stream.join(server, client)
    server.transport.loseConnection()
    await server.lost()
    assert await client.lost() is ConnectionDone
    assert len(stream.world.flush(BrokenError)) == 1


async def test_a_server_whose_protocol_fails_over_a_new_connection_keeps_it(stream: Stream) -> None:
    server, client = BrokenWhenMade(stream.world.client), Recorder(stream.world.client)
    await stream.join(server, client)
    client.transport.write(b"hello")
    assert await server.received(5) == b"hello"
    assert client.events == [("made",)]
    assert len(stream.world.flush(BrokenError)) == 1


async def test_a_client_whose_protocol_fails_over_a_new_connection_loses_it(world: World) -> None:
    server, client = Recorder(world.client), BrokenWhenMade(world.client)
    port = listen(world, Serving(world.client, lambda: server))
    factory = Attempts(world.client, lambda: client)
    world.client.connectTCP(world.host, port_of(port), factory)
    await factory.happened("lost")
    assert factory.events == [("started",), ("built", port.getHost()), ("lost", BrokenError)]
    assert client.events == [("made",), ("lost", BrokenError)]
    assert await server.lost() is ConnectionDone
    assert len(world.flush(BrokenError)) == 1


async def test_a_factory_of_clients_that_fails_has_not_connected(world: World) -> None:
    class BrokenAttempts(Attempts):
        def buildProtocol(self, addr: IAddress | None) -> Any:
            super().buildProtocol(addr)
            raise BrokenError

    server = Recorder(world.client)
    port = listen(world, Serving(world.client, lambda: server))
    factory = BrokenAttempts(world.client, lambda: None)
    world.client.connectTCP(world.host, port_of(port), factory)
    await factory.happened("failed")
    assert factory.events == [("started",), ("built", port.getHost()), ("failed", ConnectError)]
    assert await server.lost() is ConnectionDone
    assert len(world.flush(BrokenError)) == 1


@forgets_a_socket
async def test_a_factory_of_servers_that_fails_goes_on_with_the_next(stream: Stream) -> None:
    class BrokenOnce(Serving):
        def buildProtocol(self, addr: IAddress | None) -> Any:
            protocol = super().buildProtocol(addr)
            if len(self.protocols) == 1:
                raise BrokenError
            return protocol

    factory = BrokenOnce(stream.world.client, lambda: Recorder(stream.world.client))
    _, endpoint = await stream.listen(factory)
    for _ in range(2):
        await connectProtocol(endpoint, Recorder(stream.world.client))
    await factory.happened("built", times=2)
    await factory.protocols[1].happened("made")
    assert factory.protocols[0].events == []
    assert len(stream.world.flush(BrokenError)) == 1


async def test_a_factory_of_servers_can_refuse(stream: Stream) -> None:
    factory = Serving(stream.world.client, lambda: None)
    _, endpoint = await stream.listen(factory)
    client = Recorder(stream.world.client)
    await connectProtocol(endpoint, client)
    assert await client.lost() is ConnectionDone
    assert factory.protocols == [None]


async def test_a_factory_of_clients_can_refuse(world: World) -> None:
    server = Recorder(world.client)
    port = listen(world, Serving(world.client, lambda: server))
    factory = Attempts(world.client, lambda: None)
    world.client.connectTCP(world.host, port_of(port), factory)
    await factory.happened("lost")
    assert factory.events == [("started",), ("built", port.getHost()), ("lost", ConnectionDone)]
    assert await server.lost() is ConnectionDone
