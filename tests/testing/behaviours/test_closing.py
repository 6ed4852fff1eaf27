"""Streams end: in order, by abortion, and with something unread or unwritten."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost

from tests.testing.behaviours.recording import Recorder
from tests.testing.behaviours.streams import TCP, UNIX, Stream, settle
from tests.testing.behaviours.worlds import World

MIB = 1024 * 1024
#: More than two kernels keep of a stream.
MORE_THAN_KERNELS_KEEP = 8 * MIB


@pytest.mark.parametrize("closer", ["server", "client"])
async def test_either_side_can_close_and_both_learn_that_it_is_done(stream: Stream, closer: str) -> None:
    server, client = await stream.pair()
    (server if closer == "server" else client).transport.loseConnection()
    await server.lost()
    await client.lost()
    assert server.events == client.events == [("made",), ("lost", ConnectionDone)]


async def test_both_sides_can_close_at_once(world: World) -> None:
    server, client = await TCP(world).pair()
    server.transport.loseConnection()
    client.transport.loseConnection()
    await server.lost()
    await client.lost()
    assert server.events == client.events == [("made",), ("lost", ConnectionDone)]


async def test_when_both_sides_of_a_unix_connection_close_at_once_the_second_finds_it_lost(world: World) -> None:
    # Over UNIX, who is closed on can no longer send, and who closes no longer reads why.
    server, client = await UNIX(world).pair()
    server.transport.loseConnection()
    client.transport.loseConnection()
    reasons = {await server.lost(), await client.lost()}
    # With nothing to send, uvloop does not try to.
    assert reasons == {ConnectionDone, ConnectionLost} or (world.on_uvloop and reasons == {ConnectionDone})


async def test_the_end_comes_in_a_turn_of_its_own(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.loseConnection()
    server.transport.abortConnection()
    assert server.events == client.events == [("made",)]
    await server.lost()
    await client.lost()


async def test_closing_twice_or_after_the_end_makes_no_difference(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.loseConnection()
    client.transport.loseConnection()
    await server.lost()
    await client.lost()
    for end in (server, client):
        end.transport.loseConnection()
        end.transport.abortConnection()
        end.transport.write(b"late")
    await settle(stream.world)
    assert server.events == client.events == [("made",), ("lost", ConnectionDone)]


async def test_what_was_written_arrives_before_the_end(stream: Stream) -> None:
    server, client = await stream.pair()
    data = bytes(range(256)) * (MIB // 256)
    client.transport.write(data)
    client.transport.loseConnection()
    await server.lost()
    assert server.events == [("made",), ("data", data), ("lost", ConnectionDone)]
    await client.lost()


async def test_what_is_written_while_closing_is_still_sent(stream: Stream) -> None:
    # Contrary to what one might think; TLS drops it.
    server, client = await stream.pair()
    client.transport.write(b"in time")
    client.transport.loseConnection()
    client.transport.write(b", just")
    client.transport.writeSequence([b" ", b"so"])
    await server.lost()
    assert server.events == [("made",), ("data", b"in time, just so"), ("lost", ConnectionDone)]
    await client.lost()


async def test_what_is_written_after_the_end_is_dropped(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.loseConnection()
    await client.lost()
    client.transport.write(b"too late")
    client.transport.writeSequence([b"too", b"late"])
    await server.lost()
    assert server.data == b""


async def test_a_transport_knows_that_it_is_closing(stream: Stream) -> None:
    server, client = await stream.pair()
    before = client.transport.disconnecting
    client.transport.loseConnection()
    assert (before, client.transport.disconnecting) == (False, True)
    await server.lost()
    await client.lost()


async def test_what_is_written_arrives_in_order(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.write(b"1")
    client.transport.writeSequence([b"2", b"", b"3", b"4" * MIB])
    client.transport.write(b"5")
    await server.received(1)
    client.transport.write(b"6")
    assert await server.received(MIB + 5) == b"123" + b"4" * MIB + b"56"


async def test_writing_nothing_sends_nothing(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.write(b"")
    client.transport.writeSequence([b"", b""])
    await settle(stream.world)
    assert server.events == [("made",)]


async def test_text_cannot_be_written(stream: Stream) -> None:
    server, client = await stream.pair()
    with pytest.raises(TypeError):
        client.transport.write("text")
    client.transport.write(b"bytes")
    assert await server.received(5) == b"bytes"


async def test_an_aborted_connection_is_aborted_here_and_lost_there(world: World) -> None:
    server, client = await TCP(world).pair()
    client.transport.abortConnection()
    assert (await client.lost(), await server.lost()) == (ConnectionAborted, ConnectionLost)


async def test_an_aborted_unix_connection_is_aborted_here_and_done_there(world: World) -> None:
    # Nobody sends resets: that a stream lingers for no time means nothing to Linux when it is not TCP.
    server, client = await UNIX(world).pair()
    client.transport.abortConnection()
    assert (await client.lost(), await server.lost()) == (ConnectionAborted, ConnectionDone)


async def test_aborting_drops_what_was_not_sent(stream: Stream) -> None:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    client.transport.write(bytes(MORE_THAN_KERNELS_KEEP))
    await settle(stream.world)
    client.transport.abortConnection()
    assert await client.lost() is ConnectionAborted
    server.transport.resumeProducing()
    await server.lost()
    assert len(server.data) < MORE_THAN_KERNELS_KEEP


async def test_aborting_overtakes_closing(stream: Stream) -> None:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    client.transport.write(bytes(MORE_THAN_KERNELS_KEEP))
    client.transport.loseConnection()
    client.transport.abortConnection()
    assert await client.lost() is ConnectionAborted
    server.transport.resumeProducing()
    await server.lost()


async def test_a_protocol_that_aborts_hears_no_more(stream: Stream) -> None:
    class Aborting(Recorder):
        def dataReceived(self, data: bytes) -> None:
            super().dataReceived(data)
            self.transport.abortConnection()

    server, client = Aborting(stream.world.client), Recorder(stream.world.client)
    await stream.join(server, client)
    # More than a transport reads at once.
    client.transport.write(bytes(MIB))
    await server.lost()
    assert len(server.data) < MIB
    assert [event[0] for event in server.events] == ["made", "data", "lost"]
    reason = await client.lost()
    # Over UNIX, uvloop may find the end first, and no longer the reason for it.
    assert reason is ConnectionLost or (stream.world.on_uvloop and isinstance(stream, UNIX))


async def close_with_something_unread(stream: Stream) -> tuple[Recorder, Recorder]:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    client.transport.write(b"unread")
    await settle(stream.world)
    server.transport.write(b"bye")
    server.transport.loseConnection()
    assert await server.lost() is ConnectionDone
    await client.lost()
    return server, client


async def test_closing_with_something_unread_looks_orderly_to_the_peer(world: World) -> None:
    # Twisted shuts the connection down before it closes the socket, so the end comes before the reset.
    _, client = await close_with_something_unread(TCP(world))
    assert client.events == [("made",), ("data", b"bye"), ("lost", ConnectionDone)]


async def test_closing_a_unix_connection_with_something_unread_resets_it(world: World) -> None:
    _, client = await close_with_something_unread(UNIX(world))
    assert client.events == [("made",), ("data", b"bye"), ("lost", ConnectionLost)]


async def test_writing_to_a_peer_that_has_closed_loses_the_connection(stream: Stream) -> None:
    server, client = await stream.pair()
    client.transport.pauseProducing()
    server.transport.loseConnection()
    await server.lost()
    while len(client.events) == 1:
        client.transport.write(b"is anybody there?")
        await settle(stream.world)
    assert client.events == [("made",), ("lost", ConnectionLost)]


async def test_closing_waits_for_a_peer_that_does_not_read(stream: Stream) -> None:
    server, client = await stream.pair()
    server.transport.pauseProducing()
    client.transport.write(bytes(MORE_THAN_KERNELS_KEEP))
    client.transport.loseConnection()
    await settle(stream.world)
    assert client.events == [("made",)]
    server.transport.resumeProducing()
    assert await client.lost() is ConnectionDone
    await server.lost()
    assert len(server.data) == MORE_THAN_KERNELS_KEEP


async def test_both_sides_can_send_much_at_once(stream: Stream) -> None:
    server, client = await stream.pair()
    there, back = b"t" * MIB * 2, b"b" * MIB * 2
    client.transport.write(there)
    server.transport.write(back)
    assert await server.received(len(there)) == there
    assert await client.received(len(back)) == back
