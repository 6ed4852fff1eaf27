"""Files that the system sends by itself."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory

from netforge.plugin import metered
from netforge.protocols.sendfile import can_send_files, send_file

pytestmark = pytest.mark.real

CONTENT = random.Random(7).randbytes(6 * 1024 * 1024)


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    opened = os.open(path, os.O_RDONLY)
    yield opened
    os.close(opened)


def open_files() -> int:
    # Those of earlier tests that are garbage would be missing at any moment.
    gc.collect()
    return len([*Path("/proc/self/fd").iterdir()])


def test_a_part_of_a_file_is_sent_as_the_peer_reads(drive_forge: Any, tools: Any, descriptor: int) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> int:
        port = await tools.pair(reactor, server, client)
        assert can_send_files(client.transport)
        client.transport.write(b"head ")
        while client.transport.writing:
            await tools.turns(reactor, 1)
        before = open_files()
        sending = send_file(client.transport, descriptor, 1000, len(CONTENT) - 2000)
        assert sending is not None
        for _ in range(5):
            await tools.turns(reactor, 1)
        assert not sending.called
        server.transport.resumeProducing()
        sent: int = await sending
        assert open_files() == before
        client.transport.write(b" tail")
        client.transport.loseConnection()
        await server.lost
        await port.stopListening()
        return sent

    assert drive_forge(scenario) == len(CONTENT) - 2000
    assert server.data == b"head " + CONTENT[1000:-1000] + b" tail"


@pytest.mark.parametrize("way", ["cancel", "reset", "shrink"])
def test_fewer_bytes_are_told(drive_forge: Any, tools: Any, descriptor: int, way: str) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> int:
        port = await tools.pair(reactor, server, client)
        before = open_files()
        size = len(CONTENT) + 1000 if way == "shrink" else len(CONTENT)
        sending = send_file(client.transport, descriptor, 0, size)
        assert sending is not None
        await tools.turns(reactor, 2)
        if way == "cancel":
            sending.cancel()
        elif way == "reset":
            server.transport.abortConnection()
        else:
            server.transport.resumeProducing()
        sent: int = await sending
        assert open_files() <= before
        client.transport.loseConnection()
        server.transport.resumeProducing()
        await client.lost
        await port.stopListening()
        return sent

    sent = drive_forge(scenario)
    assert sent == len(CONTENT) if way == "shrink" else 0 < sent < len(CONTENT)


def test_it_must_be_written_while_something_waits(drive_forge: Any, tools: Any, descriptor: int) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        client.transport.write(bytes(8 * 1024 * 1024))
        assert send_file(client.transport, descriptor, 0, 10) is None
        server.transport.resumeProducing()
        client.transport.loseConnection()
        assert send_file(client.transport, descriptor, 0, 10) is None
        await server.lost
        await port.stopListening()

    drive_forge(scenario)


def test_a_meter_counts_it_and_other_transports_do_not_send(run: Any, tools: Any, descriptor: int) -> None:
    server, client = tools.Recorder(), tools.Recorder()
    meters = []

    class Watcher:
        def connected(self, meter: Any) -> None:
            meters.append(meter)

        def lost(self, meter: Any, reason: Any) -> None:
            pass

    async def scenario(reactor: Any) -> bool:
        factory = metered(Factory.forProtocol(lambda: server), Watcher())
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        reactor.connectTCP("127.0.0.1", port.getHost().port, tools.ConnectOnce(client))
        await server.made
        await client.made
        sending = send_file(server.transport, descriptor, 0, 100_000)
        if sending is not None:
            assert await sending == 100_000
        server.transport.loseConnection()
        await client.lost
        await port.stopListening()
        return sending is not None

    sent = run(scenario)
    assert meters[0].sent == len(client.data) == (100_000 if sent else 0)
