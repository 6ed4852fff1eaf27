"""Streams of which one direction has ended."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost

from tests.testing.behaviours.recording import BrokenError, HalfCloseable, Recorder
from tests.testing.behaviours.streams import Stream, settle


async def half_closeable(stream: Stream) -> tuple[HalfCloseable, HalfCloseable]:
    server, client = HalfCloseable(stream.world.client), HalfCloseable(stream.world.client)
    await stream.join(server, client)
    return server, client


async def test_one_direction_can_end_while_the_other_goes_on(stream: Stream) -> None:
    server, client = await half_closeable(stream)
    client.transport.write(b"question")
    client.transport.loseWriteConnection()
    await client.happened("write lost")
    await server.happened("read lost")
    server.transport.write(b"answer")
    assert await client.received(6) == b"answer"
    assert server.events == [("made",), ("data", b"question"), ("read lost",)]
    assert client.events == [("made",), ("write lost",), ("data", b"answer")]


async def test_ending_a_direction_sends_what_was_written_first(stream: Stream) -> None:
    server, client = await half_closeable(stream)
    data = bytes(1024 * 1024)
    client.transport.write(data)
    client.transport.loseWriteConnection()
    assert client.events == [("made",)]
    await server.happened("read lost")
    assert server.events == [("made",), ("data", data), ("read lost",)]


async def test_what_is_written_after_the_end_of_the_direction_is_dropped(stream: Stream) -> None:
    server, client = await half_closeable(stream)
    client.transport.write(b"in time")
    client.transport.loseWriteConnection()
    await client.happened("write lost")
    client.transport.write(b"too late")
    await server.happened("read lost")
    await settle(stream.world)
    assert server.events == [("made",), ("data", b"in time"), ("read lost",)]


async def test_a_connection_is_not_over_when_both_directions_are(stream: Stream) -> None:
    server, client = await half_closeable(stream)
    client.transport.loseWriteConnection()
    await server.happened("read lost")
    server.transport.loseWriteConnection()
    await client.happened("read lost")
    await settle(stream.world)
    assert server.events == [("made",), ("read lost",), ("write lost",)]
    assert client.events == [("made",), ("write lost",), ("read lost",)]
    for end in (server, client):
        end.transport.loseConnection()
        assert await end.lost() is ConnectionDone


async def test_closing_after_one_direction_has_ended_ends_the_other(stream: Stream) -> None:
    server, client = await half_closeable(stream)
    client.transport.loseWriteConnection()
    await server.happened("read lost")
    server.transport.write(b"bye")
    server.transport.loseConnection()
    await server.lost()
    await client.happened("read lost")
    await settle(stream.world)
    assert server.events == [("made",), ("read lost",), ("lost", ConnectionDone)]
    assert client.events == [("made",), ("write lost",), ("data", b"bye"), ("read lost",)]


async def test_who_has_ended_a_direction_can_close(stream: Stream) -> None:
    server, client = await half_closeable(stream)
    client.transport.loseWriteConnection()
    await server.happened("read lost")
    client.transport.loseConnection()
    await client.lost()
    await settle(stream.world)
    assert server.events == [("made",), ("read lost",)]
    assert client.events == [("made",), ("write lost",), ("lost", ConnectionDone)]


async def test_closing_looks_like_the_end_of_a_direction_until_the_other_writes(stream: Stream) -> None:
    server, client = await half_closeable(stream)
    client.transport.loseConnection()
    assert await client.lost() is ConnectionDone
    await server.happened("read lost")
    while server.events[-1] == ("read lost",):
        server.transport.write(b"is anybody there?")
        await settle(stream.world)
    assert server.events == [("made",), ("read lost",), ("lost", ConnectionLost)]


async def test_a_protocol_that_knows_no_halves_is_over_with_the_first(stream: Stream) -> None:
    server, client = Recorder(stream.world.client), HalfCloseable(stream.world.client)
    await stream.join(server, client)
    client.transport.write(b"question")
    client.transport.loseWriteConnection()
    await server.lost()
    await client.happened("read lost")
    assert server.events == [("made",), ("data", b"question"), ("lost", ConnectionDone)]
    assert client.events == [("made",), ("write lost",), ("read lost",)]


async def test_a_protocol_that_knows_no_halves_can_end_one(stream: Stream) -> None:
    server, client = HalfCloseable(stream.world.client), Recorder(stream.world.client)
    await stream.join(server, client)
    client.transport.loseWriteConnection()
    await server.happened("read lost")
    server.transport.write(b"answer")
    server.transport.loseConnection()
    await client.lost()
    assert client.events == [("made",), ("data", b"answer"), ("lost", ConnectionDone)]


async def test_when_neither_knows_halves_ending_one_ends_all(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.loseWriteConnection()
    assert (await server.lost(), await client.lost()) == (ConnectionDone, ConnectionDone)


@pytest.mark.parametrize("broken", ["readConnectionLost", "writeConnectionLost"])
async def test_an_error_at_the_end_of_a_direction_ends_both(stream: Stream, broken: str) -> None:
    class Broken(HalfCloseable):
        def readConnectionLost(self) -> None:
            super().readConnectionLost()
            if broken == "readConnectionLost":
                raise BrokenError

        def writeConnectionLost(self) -> None:
            super().writeConnectionLost()
            if broken == "writeConnectionLost":
                raise BrokenError

    server, client = HalfCloseable(stream.world.client), Broken(stream.world.client)
    await stream.join(server, client)
    (server if broken == "readConnectionLost" else client).transport.loseWriteConnection()
    assert await client.lost() is BrokenError
    assert len(stream.world.flush(BrokenError)) == 1
