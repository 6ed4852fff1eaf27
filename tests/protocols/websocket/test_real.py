"""With the library websockets on the other side, over sockets."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.threads import deferToThreadPool
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import connect as dial
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.protocols.websocket import Limits, WebSocket, accept, connect
from tests.conftest import Drive

pytestmark = pytest.mark.real

MESSAGES: list[str | bytes] = ["grüß", b"\x00" * 300_000, "", "a" * 70_000, bytes(range(256)) * 100]


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_their_client(drive_each: Drive, compression: str | None) -> None:
    async def scenario(reactor: Any) -> list[str | bytes]:
        ended: list[WebSocket] = []

        async def application(exchange: Exchange) -> None:
            async with accept(exchange, clock=reactor, limits=Limits(message=400_000)) as socket:
                ended.append(socket)
                async for message in socket:
                    socket.send(message)
                    await socket.ready()

        port = reactor.listenTCP(0, HTTPFactory(application, reactor), interface="127.0.0.1")

        def talk() -> list[str | bytes]:
            url = f"ws://127.0.0.1:{port.getHost().port}/"
            with dial(url, compression=compression, proxy=None) as connection:
                got: list[str | bytes] = []
                for message in MESSAGES:
                    connection.send(message)
                    got.append(connection.recv())
                connection.send(iter(["in ", "pieces"]))
                got.append(connection.recv())
                assert connection.ping().wait(10)
                connection.close(4000, "bye")
            with dial(url, compression=compression, proxy=None) as connection:
                connection.send(bytes(400_001))
                with pytest.raises(ConnectionClosedError, match="1009"):
                    connection.recv()
            return got

        got = await deferToThreadPool(reactor, reactor.getThreadPool(), talk)
        await port.stopListening()
        assert str(ended[0].closed) == "4000: bye"
        return got

    assert drive_each(scenario) == [*MESSAGES, "in pieces"]


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_their_server(drive_each: Drive, compression: str | None) -> None:
    ends: list[str] = []

    def echo(connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.path == "/chat"
        try:
            while True:
                message = connection.recv()
                connection.send(message)
        except ConnectionClosedOK as closed:
            ends.append(str(closed.rcvd))

    async def scenario(reactor: Any) -> list[str | bytes]:
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", server.socket.getsockname()[1])
        async with await connect(endpoint, "ws://127.0.0.1/chat", clock=reactor, subprotocols=["chat"]) as socket:
            assert socket.subprotocol == "chat"
            got = []
            for message in MESSAGES:
                socket.send(message)
                got.append(await socket.receive())
        async for _ in socket:
            pass
        return got

    with serve(echo, "127.0.0.1", 0, compression=compression, subprotocols=[Subprotocol("chat")]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert drive_each(scenario) == MESSAGES
        finally:
            server.shutdown()
            thread.join()
    assert ends == ["1000 (OK)"]
