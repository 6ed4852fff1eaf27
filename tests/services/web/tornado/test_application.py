"""Applications of Tornado's, run by our server."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netforge.services.web.around.deadlines import Deadlines
from tests.services.web.loops import Serving
from tests.services.web.tornado.conftest import Serve

pytest.importorskip("tornado")

from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler, StaticFileHandler, stream_request_body

pytestmark = pytest.mark.real

VERSIONS = ["--http1.0", "--http1.1", "--http2-prior-knowledge"]


class Hello(RequestHandler):
    def get(self) -> None:
        self.write(f"hello {self.get_argument('name', 'world')}")


class About(RequestHandler):
    def get(self) -> None:
        request = self.request
        self.write({"ip": request.remote_ip, "protocol": request.protocol, "uri": request.uri, "host": request.host})


class Body(RequestHandler):
    def post(self) -> None:
        self.write(f"{len(self.request.body)} bytes, {len(self.request.files.get('file', []))} files")


@stream_request_body
class Streamed(RequestHandler):
    def prepare(self) -> None:
        self.size = 0
        if self.get_argument("limit", ""):
            self.request.connection.set_max_body_size(int(self.get_argument("limit")))  # type: ignore[union-attr]

    async def data_received(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.size += len(chunk)

    def put(self) -> None:
        self.write(f"{self.size} bytes")


class Large(RequestHandler):
    async def get(self) -> None:
        for _ in range(100):
            self.write(b"x" * 100_000)
            await self.flush()


class Fails(RequestHandler):
    def get(self) -> None:
        raise ValueError("an error of the application")


class FailsLate(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Length", "10")
        self.write("half")
        await self.flush()


def the_application(**settings: Any) -> Application:
    handlers = [
        ("/", Hello),
        ("/about", About),
        ("/body", Body),
        ("/streamed", Streamed),
        ("/large", Large),
        ("/fails", Fails),
        ("/late", FailsLate),
    ]
    return Application(handlers, log_function=lambda handler: None, **settings)


@pytest.mark.parametrize("version", VERSIONS)
def test_handlers_answer_over_every_version_of_http(serve: Serve, version: str) -> None:
    async def visit(serving: Serving) -> None:
        assert await serving.curl("/?name=Ada", version) == b"hello Ada"
        assert (await serving.curl("/none", version, "-w", "%{http_code}")).endswith(b"404")
        assert b"ontent-" in await serving.curl("/", version, "-I")
        assert await serving.curl("/body", version, "--data-binary", "@-", send=b"x" * 300_000) == (
            b"300000 bytes, 0 files"
        )
        assert (await serving.curl("/body", version, "-F", "file=@-", send=b"x")).endswith(b" 1 files")
        assert (
            await serving.curl("/streamed", version, "-X", "PUT", "--data-binary", "@-", send=b"x" * 300_000)
            == b"300000 bytes"
        )
        assert len(await serving.curl("/large", version)) == 10_000_000

    serve(the_application(), visit)


def test_a_handler_is_told_who_asks(serve: Serve) -> None:
    async def visit(serving: Serving) -> None:
        told = await serving.curl("/about?q=%20", "-H", "Host: example.org")
        assert told == b'{"ip": "127.0.0.1", "protocol": "http", "uri": "/about?q=%20", "host": "example.org"}'

    serve(the_application(), visit)


def test_a_body_that_is_too_large_is_refused(serve: Serve) -> None:
    async def visit(serving: Serving) -> None:
        for path, size, status in (
            ("/body", 1000, b"200"),
            ("/body", 1001, b"413"),
            ("/streamed?limit=2000", 2000, b"200"),
            ("/streamed?limit=2000", 2001, b"413"),
        ):
            method = "PUT" if "streamed" in path else "POST"
            answer = await serving.curl(
                path, "-X", method, "--data-binary", "@-", "-w", "%{http_code}", send=b"x" * size
            )
            assert answer.endswith(status), (path, size)

    serve(the_application(), visit, max_body=1000)


def test_a_handler_that_fails_is_answered_by_tornado(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def visit(serving: Serving) -> None:
        assert b"500: Internal Server Error" in await serving.curl("/fails")
        assert await serving.curl("/") == b"hello world"

    serve(the_application(), visit)
    assert [record.levelno for record in caplog.records if record.name == "tornado.application"] == [logging.ERROR]


def test_what_is_shorter_than_promised_is_cut_short(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def visit(serving: Serving) -> None:
        with pytest.raises(ConnectionResetError):
            await serving.thread(ask, serving, b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
        assert await serving.curl("/") == b"hello world"

    serve(the_application(), visit)
    assert any("lacks bytes" in str(record.exc_info) for record in caplog.records)


def test_a_request_that_tornado_does_not_understand_is_status_400(serve: Serve) -> None:
    async def visit(serving: Serving) -> None:
        target = b"/?" + b"&".join([b"a=1"] * 2000)
        request = b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        said = await serving.thread(ask, serving, request)
        assert said.startswith(b"HTTP/1.1 400 Bad Request")

    serve(the_application(), visit)


def test_files_are_served_in_parts_and_not_again(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_bytes(b"0123456789" * 100_000)

    async def visit(serving: Serving) -> None:
        assert await serving.curl("/file.txt", "-r", "5-14") == b"5678901234"
        head = await serving.curl("/file.txt", "-I")
        etag = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"etag:")).partition(b": ")[2]
        again = await serving.curl("/file.txt", "-H", f"If-None-Match: {etag.decode()}", "-w", "%{http_code}")
        assert again == b"304"

    serve(Application([("/(.*)", StaticFileHandler, {"path": str(tmp_path)})]), visit)


def ask(serving: Serving, request: bytes, size: int = 1_000_000) -> bytes:
    """What comes back until the connection ends, or so many bytes have come."""
    host, port = serving.address.split(":")
    said = b""
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
        connection.sendall(request)
        while len(said) < size and (piece := connection.recv(size)):
            said += piece
    return said


def test_a_handler_waits_for_a_client_and_learns_that_it_is_gone(serve: Serve) -> None:
    async def visit(serving: Serving) -> None:
        gone: Deferred[None] = Deferred()
        pieces = 0

        class Endless(RequestHandler):
            async def get(self) -> None:
                nonlocal pieces
                with pytest.raises(StreamClosedError):
                    while True:
                        self.write(b"x" * 100_000)
                        await self.flush()
                        pieces += 1

            def on_connection_close(self) -> None:
                gone.callback(None)

        app.add_handlers(".*", [("/endless", Endless)])
        await serving.thread(ask, serving, b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n", 10)
        await gone
        assert 0 < pieces < 1000

    app = the_application()
    serve(app, visit)


def test_a_handler_learns_that_somebody_else_has_answered(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def visit(serving: Serving) -> None:
        told: list[str] = []
        ended: Deferred[None] = Deferred()

        class Late(RequestHandler):
            async def get(self) -> None:
                while not told:
                    await asyncio.sleep(0.01)
                self.write("late")
                with pytest.raises(StreamClosedError):
                    await self.flush()
                self.write("later")
                with pytest.raises(StreamClosedError):
                    await self.flush()

            def on_connection_close(self) -> None:
                told.append("gone")

            def on_finish(self) -> None:
                ended.callback(None)

        app.add_handlers(".*", [("/late_one", Late)])
        assert (await serving.curl("/late_one", "-w", "%{http_code}")).endswith(b"503")
        await ended
        assert told == ["gone"]

    app = the_application()
    serve(app, visit, around=lambda application, reactor: Deadlines(reactor, 0.05).around(application))
    assert not caplog.records


def test_a_handler_learns_that_its_client_is_gone_in_the_middle_of_the_body(serve: Serve) -> None:
    async def visit(serving: Serving) -> None:
        gone: Deferred[None] = Deferred()

        @stream_request_body
        class Upload(RequestHandler):
            def data_received(self, chunk: bytes) -> None:
                assert chunk == b"half"

            def on_connection_close(self) -> None:
                gone.callback(None)

        app.add_handlers(".*", [("/upload", Upload)])

        def leave() -> None:
            host, port = serving.address.split(":")
            with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
                connection.sendall(b"POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")

        await serving.thread(leave)
        await gone

    app = the_application()
    serve(app, visit)
