from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError

from tests.reactor.unixpairs import pair

pytestmark = pytest.mark.real


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return "socket"


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


def test_a_lost_connection_still_has_its_names(run: Any, tools: Any, path: str) -> None:
    protocol = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as theirs:
            listening.bind(path)
            listening.listen()
            theirs.bind("peer")
            theirs.connect(path)
            with listening.accept()[0] as ours:
                reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, tools.Once(protocol))
            await protocol.made
        await protocol.lost
        await tools.turns(reactor)

    run(scenario)
    assert protocol.transport.getPeer() == UNIXAddress("peer")
    assert protocol.transport.hostname == "peer"
    assert repr(protocol.transport).endswith(" #0 on socket>")


def test_what_is_written_right_after_a_half_close_is_sent(
    run: Any, tools: Any, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    server, client = tools.HalfCloseable(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await pair(reactor, tools, path, server, client)
        client.transport.loseWriteConnection()
        client.transport.write(b"after")
        await server.ended
        await tools.end(port, client, server)

    run(scenario)
    assert server.data == b"after"
    assert not caplog.records
