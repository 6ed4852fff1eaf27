"""Open descriptors that are sent over UNIX sockets."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost, FileDescriptorOverrun
from twisted.internet.interfaces import IFileDescriptorReceiver
from zope.interface import implementer

from tests.reactor.unixpairs import adopt, pair

pytestmark = pytest.mark.real


@pytest.fixture
def receiver(tools: Any) -> Any:
    """A protocol that remembers which files it was sent."""

    @implementer(IFileDescriptorReceiver)
    class Receiver(tools.Recorder):  # type: ignore[misc]  # tools is Any
        def __init__(self, **reactions: Any) -> None:
            super().__init__(**reactions)
            self.files: list[bytes] = []

        def fileDescriptorReceived(self, descriptor: int) -> None:  # noqa: N802  Twisted's
            self.calls.append("file")
            with os.fdopen(descriptor, "rb") as file:
                self.files.append(file.read())

    return Receiver


@pytest.fixture
def sent(tmp_path: Path) -> Any:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    descriptor = os.open(file, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("written_first", [True, False])
@pytest.mark.parametrize("to_server", [True, False])
def test_a_descriptor_travels_with_a_byte(
    run: Any, tools: Any, tmp_path: Path, receiver: Any, sent: int, written_first: bool, to_server: bool
) -> None:
    server, client = (receiver(), tools.Recorder()) if to_server else (tools.Recorder(), receiver())
    sender, target = (client, server) if to_server else (server, client)

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, str(tmp_path / "socket"), server, client)
        if written_first:
            sender.transport.write(b"junk")
        sender.transport.sendFileDescriptor(sent)
        if not written_first:
            sender.transport.write(b"junk")
        await target.received(4)
        await tools.end(port, client, server)

    run(scenario)
    assert target.files == [b"content"]
    assert target.data == b"junk"
    assert target.calls[:2] == ["made", "file"]


def test_a_descriptor_without_a_byte_ends_the_connection(run: Any, tools: Any, tmp_path: Path, sent: int) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, str(tmp_path / "socket"), server, client)
        client.transport.write(b"x")
        client.transport.sendFileDescriptor(sent)
        client.transport.sendFileDescriptor(sent)
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is FileDescriptorOverrun


def test_descriptors_wait_behind_what_the_peer_has_not_read(
    run: Any, tools: Any, tmp_path: Path, receiver: Any, sent: int
) -> None:
    server, client = receiver(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, str(tmp_path / "socket"), server, client)
        client.transport.write(bytes(3_000_000))
        await tools.turns(reactor)
        client.transport.sendFileDescriptor(sent)
        client.transport.write(b"last")
        client.transport.loseConnection()
        await tools.turns(reactor)
        assert "lost" not in client.calls
        server.transport.resumeProducing()
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.files == [b"content"]
    assert len(server.data) == 3_000_004


def test_abort_while_descriptors_wait(run: Any, tools: Any, tmp_path: Path, sent: int) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, str(tmp_path / "socket"), server, client)
        client.transport.write(bytes(3_000_000))
        await tools.turns(reactor)
        client.transport.sendFileDescriptor(sent)
        client.transport.write(b"last")
        await tools.turns(reactor)
        client.transport.abortConnection()
        await client.lost
        server.transport.resumeProducing()
        await server.lost
        await port.stopListening()

    run(scenario)


def test_a_descriptor_sent_to_a_protocol_that_takes_none_is_closed(run: Any, tools: Any, tmp_path: Path) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, str(tmp_path / "socket"), server, client)
        ours, theirs = socket.socketpair()
        with ours:
            client.transport.sendFileDescriptor(theirs.fileno())
            client.transport.write(b"x")
            await server.received(1)
            theirs.close()
            assert ours.recv(1) == b""
        await tools.end(port, client, server)

    run(scenario)


def test_an_adopted_connection(run: Any, tools: Any, receiver: Any, sent: int) -> None:
    plain, receiving = tools.Recorder(), receiver()

    async def scenario(reactor: Any) -> None:
        for protocol in (plain, receiving):
            ours, theirs = socket.socketpair()
            theirs.setblocking(False)
            reactor.adoptStreamConnection(theirs.fileno(), socket.AF_UNIX, tools.Once(protocol))
            theirs.close()
            with ours:
                socket.send_fds(ours, [b"hello"], [sent])
                await protocol.received(5)
            await protocol.lost

    run(scenario)
    assert receiving.files == [b"content"]


@pytest.mark.parametrize("fails", [True, False])
def test_what_is_given_up_in_the_same_turn_is_not_sent(
    run: Any, tools: Any, sent: int, errors: list[Exception], caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    error = ValueError("of the application")

    def give_up(self: Any, data: bytes) -> None:
        self.transport.sendFileDescriptor(sent)
        self.transport.write(b"never")
        if fails:
            raise error
        self.transport.abortConnection()

    protocol = tools.Recorder(data=give_up)

    async def scenario(reactor: Any) -> None:
        with await adopt(reactor, tools, protocol) as ours:
            ours.send(b"?")
            await protocol.lost
            await tools.turns(reactor)
            assert ours.recv(1) == b""

    run(scenario)
    assert errors == ([error] if fails else [])
    assert not caplog.records


def test_a_descriptor_that_is_closed_too_early_ends_the_connection(run: Any, tools: Any, sent: int) -> None:
    protocol = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        with await adopt(reactor, tools, protocol) as ours:
            early = os.dup(sent)
            protocol.transport.sendFileDescriptor(early)
            protocol.transport.write(b"never")
            os.close(early)
            await protocol.lost
            await tools.turns(reactor)
            assert ours.recv(1) == b""

    run(scenario)
    assert protocol.reason.type is ConnectionLost


def test_descriptors_do_not_overtake_what_was_written_before(run: Any, tools: Any, sent: int) -> None:
    first = bytes(range(256)) * 8000
    ends: list[socket.socket] = []
    got = bytearray()
    descriptors: list[int] = []

    def make_room(self: Any, data: bytes) -> None:
        # The kernel takes more now, and the transport has yet to learn of it.
        got.extend(ends[0].recv(len(first)))
        self.transport.sendFileDescriptor(sent)
        self.transport.write(b"last")

    protocol = tools.Recorder(data=make_room)

    async def scenario(reactor: Any) -> None:
        with await adopt(reactor, tools, protocol) as ours:
            ends.append(ours)
            protocol.transport.write(first)
            await tools.turns(reactor)
            ours.send(b"?")
            await protocol.received(1)
            while len(got) < len(first) + 4:
                await tools.turns(reactor, 1)
                with suppress(BlockingIOError):
                    data, came, _, _ = socket.recv_fds(ours, len(first), 1)
                    got.extend(data)
                    descriptors.extend(came)
        await protocol.lost

    run(scenario)
    for descriptor in descriptors:
        os.close(descriptor)
    assert len(descriptors) == 1
    assert got == first + b"last"


def test_a_producer_pauses_while_descriptors_wait(drive_forge: Any, tools: Any, sent: int) -> None:
    protocol = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        with await adopt(reactor, tools, protocol) as ours:
            with protocol.transport.socket.dup() as full, suppress(BlockingIOError):
                while True:
                    full.send(bytes(65_536))
            producer = tools.Push(reactor, protocol.transport, 1)
            protocol.transport.registerProducer(producer, True)
            protocol.transport.sendFileDescriptor(sent)
            protocol.transport.write(b"x")
            await tools.turns(reactor)
            assert producer.calls == ["pause"]
            while not producer.done.called:
                with suppress(BlockingIOError):
                    ours.recv(65_536)
                await tools.turns(reactor, 1)
            assert producer.calls == ["pause", "resume"]
        await protocol.lost

    drive_forge(scenario)


def test_what_the_kernel_has_no_memory_for_is_sent_later(
    drive_forge: Any, tools: Any, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol, answers = tools.Recorder(), [OSError(errno.ENOBUFS, "no memory")]
    send = socket.send_fds

    def send_fds(*args: Any) -> int:
        if answers:
            raise answers.pop()
        return send(*args)

    async def scenario(reactor: Any) -> None:
        with await adopt(reactor, tools, protocol) as ours:
            monkeypatch.setattr(socket, "send_fds", send_fds)
            protocol.transport.sendFileDescriptor(sent)
            protocol.transport.write(b"x")
            await tools.turns(reactor, 5)
            data, [descriptor], _, _ = socket.recv_fds(ours, 2, 1)
            os.close(descriptor)
            assert (data, answers) == (b"x", [])
        await protocol.lost

    drive_forge(scenario)


def test_nothing_is_left_open_when_descriptors_waited(run: Any, tools: Any, sent: int) -> None:
    protocol = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        with await adopt(reactor, tools, protocol) as ours:
            protocol.transport.write(bytes(3_000_000))
            await tools.turns(reactor)
            protocol.transport.sendFileDescriptor(sent)
            protocol.transport.write(b"last")
            await tools.turns(reactor)
            protocol.transport.abortConnection()
            await protocol.lost
            await tools.turns(reactor)
            while ours.recv(3_000_000):
                pass

    run(scenario)
