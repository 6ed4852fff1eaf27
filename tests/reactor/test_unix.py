from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError, FileDescriptorOverrun
from twisted.internet.interfaces import IFileDescriptorReceiver
from zope.interface import implementer

pytestmark = pytest.mark.real


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return "socket"


async def pair(reactor: Any, tools: Any, path: str, server: Any, client: Any) -> Any:
    port = reactor.listenUNIX(path, tools.Once(server))
    reactor.connectUNIX(path, tools.ConnectOnce(client))
    await server.made
    await client.made
    return port


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


def test_echo_addresses_and_the_life_of_the_path(run: Any, tools: Any, path: str) -> None:
    server, client = tools.Recorder(data=lambda self, data: self.transport.write(data)), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
        assert Path(path).is_socket()
        assert port.getHost() == server.transport.getHost() == client.transport.getPeer() == UNIXAddress(path)
        client.transport.write(bytes(1_000_000))
        client.transport.writeSequence([b"a", b"b"])
        await client.received(1_000_002)
        server.transport.setTcpNoDelay(True)
        assert server.transport.getTcpNoDelay() is False
        await tools.end(port, client, server)
        await tools.turns(reactor)
        assert client.transport.getPeer() == UNIXAddress(path)
        assert server.transport.getPeer() == client.transport.getHost() == UNIXAddress(None)

    run(scenario)
    assert not Path(path).exists()


def test_what_is_written_right_after_a_close_is_sent(run: Any, tools: Any, path: str) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
        client.transport.loseConnection()
        client.transport.write(b"after")
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.data == b"after"


def test_half_close(run: Any, tools: Any, path: str) -> None:
    server, client = tools.HalfCloseable(), tools.HalfCloseable()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
        client.transport.write(b"question")
        client.transport.loseWriteConnection()
        await server.ended
        server.transport.write(b"answer")
        await client.received(6)
        await tools.end(port, client, server)

    run(scenario)
    assert server.data == b"question"


def test_a_second_listener_with_a_lock_is_refused(run: Any, tools: Any, path: str) -> None:
    async def scenario(reactor: Any) -> None:
        port = reactor.listenUNIX(path, tools.Once(None), wantPID=True)
        with pytest.raises(CannotListenError):
            reactor.listenUNIX(path, tools.Once(None), wantPID=True)
        await port.stopListening()

    run(scenario)


@pytest.mark.parametrize("written_first", [True, False])
@pytest.mark.parametrize("to_server", [True, False])
def test_a_descriptor_travels_with_a_byte(
    run: Any, tools: Any, path: str, receiver: Any, sent: int, written_first: bool, to_server: bool
) -> None:
    server, client = (receiver(), tools.Recorder()) if to_server else (tools.Recorder(), receiver())
    sender, target = (client, server) if to_server else (server, client)

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
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


def test_a_descriptor_without_a_byte_ends_the_connection(run: Any, tools: Any, path: str, sent: int) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
        client.transport.write(b"x")
        client.transport.sendFileDescriptor(sent)
        client.transport.sendFileDescriptor(sent)
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is FileDescriptorOverrun


def test_descriptors_wait_behind_what_the_peer_has_not_read(
    run: Any, tools: Any, path: str, receiver: Any, sent: int
) -> None:
    server, client = receiver(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
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


def test_abort_while_descriptors_wait(run: Any, tools: Any, path: str, sent: int) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
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


def test_a_descriptor_sent_to_a_protocol_that_takes_none_is_closed(run: Any, tools: Any, path: str) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
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
