"""A transport can be told not to read."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone

from tests.testing.behaviours.recording import Recorder
from tests.testing.behaviours.streams import Stream, settle


async def test_a_paused_transport_does_not_read_until_it_is_resumed(stream: Stream) -> None:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    client.transport.write(b"later")
    await settle(stream.world)
    assert server.data == b""
    server.transport.resumeProducing()
    assert await server.received(5) == b"later"


async def test_a_paused_transport_still_writes(stream: Stream) -> None:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    server.transport.write(b"hello")
    assert await client.received(5) == b"hello"
    server.transport.resumeProducing()


async def test_a_paused_transport_learns_of_the_end_when_it_is_resumed(stream: Stream) -> None:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    client.transport.write(b"last words")
    client.transport.loseConnection()
    await client.lost()
    await settle(stream.world)
    assert server.events == [("made",)]
    server.transport.resumeProducing()
    await server.lost()
    assert server.events == [("made",), ("data", b"last words"), ("lost", ConnectionDone)]


async def test_a_protocol_that_pauses_when_data_comes_gets_no_more(stream: Stream) -> None:
    class Pausing(Recorder):
        def dataReceived(self, data: bytes) -> None:
            super().dataReceived(data)
            self.transport.pauseProducing()

    server, client = Pausing(stream.world.client), Recorder(stream.world.client)
    await stream.join(server, client)
    client.transport.write(bytes(1024 * 1024))
    await server.happened("data")
    size = len(server.data)
    await settle(stream.world)
    assert len(server.data) == size < 1024 * 1024
    server.transport.resumeProducing()
    await server.received(size + 1)
    server.transport.abortConnection()
    await server.lost()


async def test_a_protocol_can_pause_when_the_connection_is_made(stream: Stream) -> None:
    class Shy(Recorder):
        def connectionMade(self) -> None:
            super().connectionMade()
            self.transport.pauseProducing()

    server, client = Shy(stream.world.client), Shy(stream.world.client)
    await stream.join(server, client)
    for one, other in ((server, client), (client, server)):
        one.transport.write(b"hello")
        await settle(stream.world)
        assert other.data == b""
        other.transport.resumeProducing()
        assert await other.received(5) == b"hello"


async def test_a_paused_transport_can_close(stream: Stream) -> None:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    server.transport.write(b"bye")
    server.transport.loseConnection()
    assert (await server.lost(), await client.lost()) == (ConnectionDone, ConnectionDone)
    assert client.data == b"bye"


async def test_resuming_after_the_end_makes_no_difference(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.loseConnection()
    await server.lost()
    await client.lost()
    server.transport.pauseProducing()
    server.transport.resumeProducing()
    await settle(stream.world)
    assert server.events == [("made",), ("lost", ConnectionDone)]
