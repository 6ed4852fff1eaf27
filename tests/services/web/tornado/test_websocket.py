"""WebSocket handlers of Tornado's, run by our server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netforge.protocols.http import Exchange
from tests.services.web.loops import Serving
from tests.services.web.tornado.conftest import Serve

pytest.importorskip("tornado")
pytest.importorskip("websockets")

from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

pytestmark = pytest.mark.real


class Echo(WebSocketHandler):
    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return next(iter(subprotocols), None)

    def get_compression_options(self) -> dict[str, Any] | None:
        return {} if self.get_argument("compress", "") else None

    def check_origin(self, origin: str) -> bool:
        return origin == "https://friend.example"

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)

    async def on_message(self, message: str | bytes) -> None:
        if message == "close":
            self.close(4001, "enough")
        else:
            await self.write_message(message, binary=isinstance(message, bytes))


def url(serving: Serving, path: str = "/") -> str:
    return f"ws://{serving.address}{path}"


@pytest.mark.parametrize("path", ["/", "/?compress=1"])
def test_messages_go_both_ways(serve: Serve, path: str) -> None:
    def talk(serving: Serving) -> None:
        offer = [Subprotocol("one"), Subprotocol("two")]
        with connect(url(serving, path), subprotocols=offer, max_size=None) as socket:
            assert socket.subprotocol == "one"
            for message in ("grüße", b"\0\xff", "", "x" * 200, b"x" * 100_000, "y" * 3_000_000):
                socket.send(message)
                assert socket.recv() == message
            socket.send("close")
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "enough")

    async def visit(serving: Serving) -> None:
        await serving.thread(talk, serving)

    serve(Application([("/", Echo)]), visit)


def test_who_may_not_connect_gets_a_response(serve: Serve) -> None:
    def talk(serving: Serving) -> None:
        with pytest.raises(InvalidStatus) as refused:
            connect(url(serving), origin=Origin("https://stranger.example"))
        assert refused.value.response.status_code == 403
        with connect(url(serving), origin=Origin("https://friend.example")):
            pass

    async def visit(serving: Serving) -> None:
        await serving.thread(talk, serving)
        assert (await serving.curl("/", "-w", "%{http_code}")).endswith(b"400")

    serve(Application([("/", Echo)], log_function=lambda handler: None), visit)


def test_a_handler_learns_how_and_when_its_client_goes(serve: Serve) -> None:
    async def visit(serving: Serving) -> None:
        ended: list[Deferred[tuple[int | None, Any]]] = [Deferred(), Deferred()]

        class Leaving(WebSocketHandler):
            def on_close(self) -> None:
                with pytest.raises(WebSocketClosedError):
                    self.write_message("late")
                ended[int(self.get_argument("n"))].callback((self.close_code, self.close_reason))

        app.add_handlers(".*", [("/leaving", Leaving)])

        def close() -> None:
            with connect(url(serving, "/leaving?n=0")) as socket:
                socket.close(4002, "done")

        def vanish() -> None:
            connect(url(serving, "/leaving?n=1")).socket.close()

        await serving.thread(close)
        assert await ended[0] == (4002, "done")
        await serving.thread(vanish)
        assert (await ended[1])[0] is None

    app = Application([])
    serve(app, visit)


def test_a_server_that_stops_says_so(serve: Serve) -> None:
    connections: list[Any] = []

    def around(application: Any, reactor: Any) -> Any:
        def noted(exchange: Exchange) -> None:
            connections.append(exchange.transport)
            application(exchange)

        return noted

    async def visit(serving: Serving) -> None:
        def talk() -> None:
            with connect(url(serving)) as socket:
                socket.send("hello")
                assert socket.recv() == "hello"
                for connection in connections:
                    serving.reactor.callFromThread(connection.protocol.drain)
                with pytest.raises(ConnectionClosed) as closed:
                    socket.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1001

        await serving.thread(talk)

    serve(Application([("/", Echo)]), visit, around=around)


def test_a_handler_waits_for_a_client_that_does_not_receive(serve: Serve) -> None:
    async def visit(serving: Serving) -> None:
        sent = 0
        stuck: Deferred[None] = Deferred()

        class Flood(WebSocketHandler):
            async def open(self, *args: str, **kwargs: str) -> None:
                nonlocal sent
                with pytest.raises(WebSocketClosedError):
                    for _ in range(1000):
                        done = self.write_message(b"x" * 100_000, binary=True)
                        await asyncio.sleep(0)
                        await asyncio.sleep(0)
                        if not done.done() and not stuck.called:
                            stuck.callback(None)
                        await done
                        sent += 1

        app.add_handlers(".*", [("/flood", Flood)])
        socket = await serving.thread(lambda: connect(url(serving, "/flood"), max_queue=1, max_size=None))
        await stuck
        assert sent < 500
        await serving.thread(socket.socket.close)

    app = Application([])
    serve(app, visit)
