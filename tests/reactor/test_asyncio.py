from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twisted.internet.defer import Deferred

pytestmark = pytest.mark.real


def test_a_coroutine_of_twisted_awaits_a_future(drive_forge: Any) -> None:
    async def scenario(reactor: Any) -> str:
        future = reactor.loop.create_future()
        reactor.callLater(0, future.set_result, "done")
        return str(await Deferred.fromFuture(future))

    assert drive_forge(scenario) == "done"


def test_a_coroutine_of_asyncio_awaits_a_deferred(drive_forge: Any) -> None:
    async def scenario(reactor: Any) -> str:
        deferred: Deferred[str] = Deferred()

        async def wait() -> str:
            assert asyncio.get_running_loop() is reactor.loop
            reactor.callLater(0, deferred.callback, "done")
            return await deferred.asFuture(reactor.loop)

        return str(await Deferred.fromFuture(reactor.loop.create_task(wait())))

    assert drive_forge(scenario) == "done"


def test_a_server_of_asyncio_beside(drive_forge: Any, tools: Any) -> None:
    client = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()

        async def listen() -> asyncio.Server:
            return await asyncio.start_server(serve, "127.0.0.1", 0)

        server = await Deferred.fromFuture(reactor.loop.create_task(listen()))
        number = server.sockets[0].getsockname()[1]
        reactor.connectTCP("127.0.0.1", number, tools.ConnectOnce(client))
        await client.made
        client.transport.write(b"hello\n")
        await client.lost
        server.close()

    drive_forge(scenario)
    assert client.data == b"HELLO\n"


def test_what_asyncio_code_raises_is_reported_as_ever(drive_forge: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(reactor: Any) -> None:
        def fail() -> None:
            raise ValueError("in a callback")

        reactor.loop.call_soon(fail)
        done: Deferred[None] = Deferred()
        reactor.callLater(0, done.callback, None)
        await done

    drive_forge(scenario)
    assert "in a callback" in caplog.text
