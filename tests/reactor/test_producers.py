from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.internet.interfaces import IPullProducer
from twisted.protocols.basic import FileSender
from zope.interface import implementer

pytestmark = pytest.mark.real

CHUNK = bytes(65_536)


@implementer(IPullProducer)
class Pull:
    """Writes what it is told to, one piece each time that it is asked, and unregisters with the last."""

    def __init__(self, consumer: Any, pieces: list[bytes]) -> None:
        self.consumer = consumer
        self.pieces = pieces
        self.calls: list[str] = []

    def resumeProducing(self) -> None:
        self.calls.append("resume")
        self.consumer.write(self.pieces.pop(0))
        if not self.pieces:
            self.consumer.unregisterProducer()

    def stopProducing(self) -> None:
        self.calls.append("stop")


def test_push_producer_is_paused_while_the_peer_does_not_read(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> Any:
        port = await tools.pair(reactor, server, client)
        producer = tools.Push(reactor, client.transport, 300)
        client.transport.registerProducer(producer, True)
        producer.go()
        while not producer.paused:
            await tools.turns(reactor, 1)
        assert producer.left > 0
        server.transport.resumeProducing()
        await producer.done
        client.transport.loseConnection()
        await server.lost
        await client.lost
        await port.stopListening()
        return producer

    producer = run(scenario)
    assert len(server.data) == 300 * len(CHUNK)
    assert producer.calls[:2] == ["pause", "resume"]
    assert "stop" not in producer.calls


def test_push_producer_that_registers_while_the_buffer_is_full_is_paused_by_its_next_write(
    run: Any, tools: Any
) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        for _ in range(200):
            client.transport.write(CHUNK)
        await tools.turns(reactor)
        producer = tools.Push(reactor, client.transport, 2)
        client.transport.registerProducer(producer, True)
        client.transport.write(b"x")
        assert producer.calls == ["pause"]
        server.transport.resumeProducing()
        await producer.done
        await tools.end(port, client, server)

    run(scenario)


def test_push_producer_that_writes_much_at_once_is_paused_then_resumed(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        producer = tools.Push(reactor, client.transport, 1)
        client.transport.registerProducer(producer, True)
        client.transport.write(CHUNK + b"x")
        assert producer.calls == ["pause"]
        await producer.done
        assert producer.calls == ["pause", "resume"]
        await tools.end(port, client, server)

    run(scenario)


def test_pull_producer_is_asked_again_and_again(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()
    size = 40 * len(CHUNK)

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        await FileSender().beginFileTransfer(io.BytesIO(bytes(size)), client.transport)
        client.transport.write(b"end")
        client.transport.loseConnection()
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert len(server.data) == size + 3


def test_a_close_waits_for_a_pull_producer(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.registerProducer(Pull(client.transport, [b"one", b"two", b"three"]), False)
        client.transport.loseConnection()
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.data == b"onetwothree"


def test_a_close_resumes_a_paused_push_producer_and_comes_after_its_next_write(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> Any:
        port = await tools.pair(reactor, server, client)
        producer = tools.Push(reactor, client.transport, 9)
        client.transport.registerProducer(producer, True)
        client.transport.write(CHUNK + b"x")
        client.transport.loseConnection()
        await client.lost
        await server.lost
        await port.stopListening()
        return producer

    producer = run(scenario)
    assert producer.calls == ["pause", "resume", "stop"]
    assert len(server.data) == len(CHUNK) * (10 - producer.left) + 1


def test_a_half_close_waits_for_a_pull_producer(run: Any, tools: Any) -> None:
    server, client = tools.HalfCloseable(), tools.HalfCloseable()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.registerProducer(Pull(client.transport, [b"one", b"two"]), False)
        client.transport.loseWriteConnection()
        await server.ended
        await tools.end(port, client, server)

    run(scenario)
    assert server.data == b"onetwo"
    assert "finished" in client.calls


def test_a_producer_is_stopped_when_the_connection_is_lost_or_was(run: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> tuple[Any, Any]:
        port = await tools.pair(reactor, server, client)
        first, second = tools.Push(reactor, client.transport, 1), tools.Push(reactor, client.transport, 1)
        client.transport.registerProducer(first, True)
        with pytest.raises(RuntimeError, match="Cannot register producer"):
            client.transport.registerProducer(second, True)
        server.transport.abortConnection()
        await client.lost
        client.transport.registerProducer(second, True)
        await port.stopListening()
        return first, second

    first, second = run(scenario)
    assert first.calls == second.calls == ["stop"]


def test_exception_out_of_resume_producing_ends_the_connection(run: Any, tools: Any, errors: list[Exception]) -> None:
    class Failing(Pull):
        def resumeProducing(self) -> None:
            if self.calls:
                raise ValueError("nothing left")
            super().resumeProducing()

    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.registerProducer(Failing(client.transport, [b"one", b"two"]), False)
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is ValueError
    assert [str(one) for one in errors] == ["nothing left"]
    assert server.data == b"one"
