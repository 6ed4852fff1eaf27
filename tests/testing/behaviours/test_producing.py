"""Producers write as fast as the peer reads."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionDone

from tests.testing.behaviours.recording import PullProducer, PushProducer, Recorder
from tests.testing.behaviours.streams import Stream, settle

#: More than a transport keeps without pausing its producer.
PIECE = bytes(128 * 1024)


async def pushing(stream: Stream) -> tuple[Recorder, Recorder, PushProducer]:
    """A server, and a client that pushes."""
    server, client = await stream.pair()
    producer = PushProducer(stream.world.client, client.transport, PIECE)
    client.transport.registerProducer(producer, True)
    producer.start()
    return server, client, producer


async def test_a_push_producer_is_paused_while_the_peer_does_not_read(stream: Stream) -> None:
    server, client, producer = await pushing(stream)
    server.transport.pauseProducing()
    # It is paused now and then, and at last for good.
    written = -1
    while producer.written > written:
        written = producer.written
        await settle(stream.world)
    assert producer.events[-1] == ("pause",)
    pauses = len(producer.events)
    server.transport.resumeProducing()
    await producer.until(lambda: len(producer.events) > pauses)
    assert producer.events[pauses] == ("resume",)
    producer.stopProducing()
    client.transport.unregisterProducer()
    client.transport.loseConnection()
    await server.lost()
    assert len(server.data) == producer.written


async def test_pauses_and_resumptions_take_turns(stream: Stream) -> None:
    server, client, producer = await pushing(stream)
    await producer.until(lambda: len(producer.events) >= 10)
    producer.pauseProducing()
    client.transport.unregisterProducer()
    client.transport.loseConnection()
    await server.lost()
    words = [event[0] for event in producer.events]
    assert words[:10] == ["pause", "resume"] * 5


async def test_a_pull_producer_is_asked_for_each_piece(stream: Stream) -> None:
    server, client = await stream.pair()
    producer = PullProducer(stream.world.client, client.transport, [b"one ", b"two ", b"three"])
    client.transport.registerProducer(producer, False)
    assert await server.received(13) == b"one two three"
    assert producer.events == [("resume",)] * 3


async def test_closing_waits_for_the_producer_to_end(stream: Stream) -> None:
    server, client = await stream.pair()
    producer = PullProducer(stream.world.client, client.transport, [PIECE] * 40)
    client.transport.registerProducer(producer, False)
    client.transport.loseConnection()
    await server.lost()
    assert len(server.data) == 40 * len(PIECE)
    assert await client.lost() is ConnectionDone
    assert producer.events == [("resume",)] * 40


async def test_closing_waits_for_a_producer_that_was_paused(stream: Stream) -> None:
    class Finishing(PushProducer):
        def resumeProducing(self) -> None:
            self.note("resume")
            client.transport.write(b"last words")
            client.transport.unregisterProducer()

    server, client = await stream.pair()
    producer = Finishing(stream.world.client, client.transport, b"")
    client.transport.registerProducer(producer, True)
    client.transport.write(PIECE)
    client.transport.loseConnection()
    await server.lost()
    assert producer.events == [("pause",), ("resume",)]
    assert server.data == PIECE + b"last words"


async def test_closing_does_not_wait_for_a_producer_that_may_push(stream: Stream) -> None:
    server, client = await stream.pair()
    producer = PushProducer(stream.world.client, client.transport, b"")
    client.transport.registerProducer(producer, True)
    client.transport.write(b"all")
    client.transport.loseConnection()
    await server.lost()
    assert await client.lost() is ConnectionDone
    assert producer.events == [("stop",)]


async def test_a_producer_is_stopped_when_the_connection_is_lost(stream: Stream) -> None:
    server, client, producer = await pushing(stream)
    server.transport.abortConnection()
    await client.lost()
    assert producer.events[-1] == ("stop",)
    assert [event[0] for event in producer.events].count("stop") == 1


async def test_a_producer_is_stopped_when_the_connection_is_aborted(stream: Stream) -> None:
    _, client = await stream.pair()
    producer = PushProducer(stream.world.client, client.transport, b"")
    client.transport.registerProducer(producer, True)
    client.transport.abortConnection()
    assert await client.lost() is ConnectionAborted
    assert producer.events == [("stop",)]


async def test_a_producer_that_comes_after_the_end_is_stopped_at_once(stream: Stream) -> None:
    _, client = await stream.pair()
    client.transport.abortConnection()
    await client.lost()
    producer = PushProducer(stream.world.client, client.transport, b"")
    client.transport.registerProducer(producer, True)
    assert producer.events == [("stop",)]


async def test_a_producer_that_is_unregistered_hears_no_more(stream: Stream) -> None:
    _, client = await stream.pair()
    producer = PushProducer(stream.world.client, client.transport, b"")
    client.transport.registerProducer(producer, True)
    client.transport.unregisterProducer()
    client.transport.write(bytes(16 * 1024 * 1024))
    client.transport.abortConnection()
    await client.lost()
    assert producer.events == []


async def test_a_second_producer_is_an_error(stream: Stream) -> None:
    _, client = await stream.pair()
    producers = [PushProducer(stream.world.client, client.transport, b"") for _ in range(2)]
    client.transport.registerProducer(producers[0], True)
    with pytest.raises(RuntimeError):
        client.transport.registerProducer(producers[1], True)
    client.transport.unregisterProducer()
    client.transport.registerProducer(producers[1], True)


async def test_a_transport_can_be_the_producer_of_another(stream: Stream) -> None:
    class Relay(Recorder):
        """Passes on what comes, no faster than it goes."""

        def __init__(self, onward: Recorder) -> None:
            super().__init__(stream.world.client)
            self._onward = onward.transport

        def connectionMade(self) -> None:
            super().connectionMade()
            self._onward.registerProducer(self.transport, True)

        def dataReceived(self, data: bytes) -> None:
            self._onward.write(data)

        def connectionLost(self, reason: object = None) -> None:
            self._onward.unregisterProducer()
            self._onward.loseConnection()

    sink, onward = await stream.pair()
    source = Recorder(stream.world.client)
    await stream.join(Relay(onward), source)
    data = bytes(range(256)) * 4 * 4096
    source.transport.write(data)
    source.transport.loseConnection()
    await sink.lost()
    assert sink.data == data
