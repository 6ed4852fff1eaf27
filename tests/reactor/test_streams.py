from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost

pytestmark = pytest.mark.real

MEGABYTE = bytes(range(256)) * 4096


def test_bytes_arrive_complete_and_in_order_both_ways(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(data=lambda self, data: self.transport.write(data)), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(MEGABYTE)
        client.transport.writeSequence([b"a", b"b", b"c"])
        await client.received(len(MEGABYTE) + 3)
        await tools.end(port, client)

    run(scenario)
    assert client.data == MEGABYTE + b"abc"
    assert server.calls[0] == "made"
    assert server.calls[-1] == "lost"


def test_close_is_clean_on_both_sides_and_comes_in_a_later_turn(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.loseConnection()
        assert "lost" not in client.calls
        assert client.transport.disconnecting
        await client.lost
        await server.lost
        client.transport.write(b"nobody gets this")
        client.transport.writeSequence([b"nor", b"this"])
        client.transport.loseConnection()
        client.transport.abortConnection()
        await tools.turns(reactor)
        await port.stopListening()

    run(scenario)
    assert client.reason.type is server.reason.type is ConnectionDone
    assert client.calls.count("lost") == 1
    assert server.data == b""


def test_what_is_written_before_and_right_after_a_close_is_sent(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(MEGABYTE)
        client.transport.loseConnection()
        client.transport.write(b"after")
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.data == MEGABYTE + b"after"


def test_nothing_is_received_after_a_close(run: Any, tools: Any) -> None:
    server = tools.Recorder(data=lambda self, data: self.transport.loseConnection())
    client = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(b"first")
        await server.received(5)
        client.transport.write(b"second")
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.data == b"first"


def test_close_in_connection_made(run: Any, tools: Any) -> None:
    def greet(self: Any) -> None:
        self.transport.write(b"bye")
        self.transport.loseConnection()

    server, client = tools.Recorder(made=greet), tools.Recorder(made=lambda self: self.transport.write(b"hello"))

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert client.data == b"bye"
    assert server.calls == ["made", "lost"]


def test_abort_resets_and_drops_what_is_unsent(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        for _ in range(16):
            client.transport.write(MEGABYTE)
        client.transport.abortConnection()
        client.transport.write(b"dropped")
        assert "lost" not in client.calls
        await client.lost
        server.transport.resumeProducing()
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is ConnectionAborted
    assert server.reason.type is ConnectionLost
    assert len(server.data) < 16 * len(MEGABYTE)


def test_abort_after_a_close_that_waits(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        for _ in range(16):
            client.transport.write(MEGABYTE)
        client.transport.loseConnection()
        await tools.turns(reactor)
        assert "lost" not in client.calls
        client.transport.abortConnection()
        await client.lost
        server.transport.resumeProducing()
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is ConnectionAborted


def test_abort_right_after_a_close(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.loseConnection()
        client.transport.abortConnection()
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is ConnectionAborted
    assert server.reason.type is ConnectionLost


def test_half_close_leaves_the_other_direction_open(run: Any, tools: Any) -> None:
    server, client = tools.HalfCloseable(), tools.HalfCloseable()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(MEGABYTE)
        client.transport.loseWriteConnection()
        await client.finished
        client.transport.write(b"too late")
        await server.ended
        assert server.data == MEGABYTE
        server.transport.write(b"answer")
        await client.received(6)
        assert "lost" not in server.calls + client.calls
        server.transport.loseConnection()
        await client.ended
        client.transport.loseConnection()
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert server.data == MEGABYTE
    assert client.data == b"answer"


def test_end_of_stream_closes_what_is_not_half_closeable(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.HalfCloseable()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.loseWriteConnection()
        await server.lost
        await client.ended
        client.transport.loseConnection()
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.reason.type is ConnectionDone


@pytest.mark.parametrize("error", [ValueError("bad"), OSError(5, "bad")])
def test_exception_out_of_data_received_is_logged_and_is_the_reason(
    run: Any, tools: Any, errors: list[Exception], error: Exception
) -> None:
    def fail(self: Any, data: bytes) -> None:
        raise error

    server, client = tools.Recorder(data=fail), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(b"x")
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.reason.value is error
    assert errors == [error]


def test_exception_out_of_connection_made_leaves_a_server_connected(
    run: Any, tools: Any, errors: list[Exception]
) -> None:
    def fail(self: Any) -> None:
        raise ValueError("made")

    server, client = tools.Recorder(made=fail), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(b"x")
        await server.received(1)
        await tools.end(port, client, server)

    run(scenario)
    assert [str(one) for one in errors] == ["made"]


def test_exception_out_of_connection_made_ends_a_client(run: Any, tools: Any, errors: list[Exception]) -> None:
    def fail(self: Any) -> None:
        raise ValueError("made")

    server, client = tools.Recorder(), tools.Recorder(made=fail)

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is ValueError
    assert [str(one) for one in errors] == ["made"]


def test_exception_out_of_connection_lost_is_logged(run: Any, tools: Any, errors: list[Exception]) -> None:
    def fail(self: Any) -> None:
        self.lost.callback(None)
        raise ValueError("lost")

    server, client = tools.Recorder(lost=fail), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.loseConnection()
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert [str(one) for one in errors] == ["lost"]


def test_protocol_is_replaced_in_mid_stream(run: Any, tools: Any) -> None:
    after, client = tools.Recorder(), tools.Recorder()

    def replace(self: Any, data: bytes) -> None:
        after.transport = self.transport
        self.transport.protocol = after

    server = tools.Recorder(data=replace)

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(b"one")
        await server.received(3)
        client.transport.write(b"two")
        await after.received(3)
        client.transport.loseConnection()
        await after.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert (server.data, after.data) == (b"one", b"two")
    assert "lost" not in server.calls


def test_data_received_is_replaced_in_mid_stream(run: Any, tools: Any) -> None:
    other: list[bytes] = []
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(b"one")
        await server.received(3)
        server.dataReceived = other.append
        client.transport.write(b"two")
        await tools.end(port, client, server)

    run(scenario)
    assert server.data == b"one"


def test_a_transport_paused_from_the_beginning_receives_nothing_until_resumed(run: Any, tools: Any) -> None:
    server = tools.Recorder(made=lambda self: self.transport.pauseProducing())
    client = tools.Recorder(made=lambda self: self.transport.write(b"early"))

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.loseConnection()
        await tools.turns(reactor, 10)
        assert server.calls == ["made"]
        server.transport.resumeProducing()
        assert server.calls == ["made"]
        await server.lost
        await port.stopListening()

    run(scenario)
    assert server.calls == ["made", "data", "lost"]


def test_pausing_in_data_received_holds_the_rest_back_and_is_not_reentered(run: Any, tools: Any) -> None:
    depth: list[int] = []

    def pause(self: Any, data: bytes) -> None:
        depth.append(1)
        self.transport.pauseProducing()
        self.transport.resumeProducing()
        assert len(depth) == 1
        self.transport.pauseProducing()
        depth.pop()

    server, client = tools.Recorder(data=pause), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(b"one")
        await server.received(3)
        client.transport.write(b"two")
        await tools.turns(reactor, 10)
        assert server.data == b"one"
        server.transport.resumeProducing()
        await server.received(6)
        await tools.end(port, client, server)

    run(scenario)
    assert server.data == b"onetwo"


def test_write_is_refused_unless_it_is_bytes(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        with pytest.raises(TypeError):
            client.transport.write("text")
        with pytest.raises(TypeError, match="Data must be bytes"):
            client.transport.writeSequence(["text"])
        await tools.end(port, client, server)

    run(scenario)


def test_options_and_addresses(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        for one in (server.transport, client.transport):
            for enabled in (True, False):
                one.setTcpNoDelay(enabled)
                one.setTcpKeepAlive(enabled)
                assert (one.getTcpNoDelay(), one.getTcpKeepAlive()) == (enabled, enabled)
        assert client.transport.getPeer() == server.transport.getHost() == port.getHost()
        assert client.transport.getHost() == server.transport.getPeer()
        assert server.transport.getHandle().getsockname()[1] == port.getHost().port
        assert server.transport.fileno() == server.transport.getHandle().fileno() > 0
        await tools.end(port, client, server)

    run(scenario)


def _delay_by_method(transport: Any) -> None:
    transport.setTcpNoDelay(False)


def _delay_by_handle(transport: Any) -> None:
    transport.getHandle().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)


def _delay_by_descriptor(transport: Any) -> None:
    with socket.socket(fileno=os.dup(transport.fileno())) as duplicate:
        duplicate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)


@pytest.mark.parametrize("delay", [_delay_by_method, _delay_by_handle, _delay_by_descriptor])
def test_delays_end_whoever_began_them(run: Any, tools: Any, delay: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        for transport in (server.transport, client.transport):
            transport.setTcpNoDelay(True)
            assert transport.getTcpNoDelay() is True
            delay(transport)
            assert transport.getTcpNoDelay() is False
            transport.setTcpNoDelay(True)
            assert transport.getTcpNoDelay() is True
        await tools.end(port, client, server)

    run(scenario)


def test_stopping_the_reactor_loses_what_is_connected(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        await tools.pair(reactor, server, client)

    run(scenario)
    assert server.reason.type is client.reason.type is ConnectionLost


def test_stopping_the_reactor_when_one_loss_brings_on_another(run: Any, tools: Any, errors: list[Exception]) -> None:
    server: Any = tools.Recorder(lost=lambda self: client.transport.abortConnection())
    client: Any = tools.Recorder(lost=lambda self: server.transport.abortConnection())

    async def scenario(reactor: Any) -> None:
        await tools.pair(reactor, server, client)

    run(scenario)
    assert server.calls == client.calls == ["made", "lost"]
    assert errors == []


def test_a_transport_still_knows_its_peer_when_it_is_lost(run: Any, tools: Any) -> None:
    peers: list[Any] = []
    server = tools.Recorder(lost=lambda self: peers.append(self.transport.getPeer()))
    client = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        peers.append(client.transport.getHost())
        await tools.end(port, client, server)
        peers.append(server.transport.getPeer())

    run(scenario)
    assert peers == [peers[0]] * 3


def test_a_prefix_of_the_protocols_own_is_on_what_it_logs(run: Any, tools: Any, events: list[Any]) -> None:
    from twisted.python import log

    def say(self: Any, data: bytes) -> None:
        log.msg("heard", marked=True)

    class Prefixed(tools.Recorder):  # type: ignore[misc]  # tools is Any
        def logPrefix(self) -> str:
            return "listener"

    server, client = Prefixed(data=say), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(b"x")
        await server.received(1)
        await tools.end(port, client, server)

    run(scenario)
    [event] = [event for event in events if event.get("marked")]
    assert event["system"].startswith("listener,0,")
