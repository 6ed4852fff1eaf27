"""Bodies of requests, as a file in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.validate import validator

import pytest
from twisted.internet.defer import Deferred

from netforge.protocols.http import HTTPError, WrappedExchange
from netforge.services.web.around.deadlines import Deadlines
from netforge.testing import Network
from tests.protocols.http.test_http2 import Client
from tests.services.web.wsgi.asking import ask, parsed, request
from tests.services.web.wsgi.conftest import Serve

OK = "200 OK", [("Content-Type", "text/plain")]
LINES = b"".join(b"line %d\n" % number for number in range(30_000))


def whole(environ: Any, start_response: Any) -> list[bytes]:
    start_response(*OK)
    return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]


def in_lines(environ: Any, start_response: Any) -> list[bytes]:
    start_response(*OK)
    return [b"".join(environ["wsgi.input"])]


def in_parts(environ: Any, start_response: Any) -> list[bytes]:
    start_response(*OK)
    body = environ["wsgi.input"]
    parts = [body.read(3), body.readline(), b"".join(body.readlines(100))]
    while part := body.read(40_000):
        parts.append(part)
    assert body.read(1) == b""
    return [b"".join(parts)]


@pytest.mark.parametrize("app", [whole, in_lines, in_parts])
@pytest.mark.parametrize("size", [20, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, len(LINES)])
def test_a_body_is_read_in_any_way(serve: Serve, app: Any, size: int) -> None:
    answer = ask(serve(validator(app)), method="POST", body=LINES[:size])
    assert answer.status == 200
    assert _joined(answer.body) == LINES[:size]


def test_a_body_in_chunks_is_read_to_its_end(serve: Serve, network: Network) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(*OK)
        assert "CONTENT_LENGTH" not in environ
        return [environ["wsgi.input"].read()]

    peer = serve(app).connect()
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        peer.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        network.run(0.1)
    peer.send(b"0\r\n\r\n")
    assert parsed(peer.receive_all()).body == b"x" * 100_000


def test_a_thread_is_not_taken_before_there_is_something_to_read(serve: Serve, network: Network) -> None:
    called = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        called.append(environ)
        return whole(environ, start_response)

    peer = serve(app).connect()
    peer.send(request("Content-Length: 5", method="POST"))
    network.run(5)
    assert not called
    peer.send(b"hel")
    network.run(5)
    assert not called
    peer.send(b"lo")
    assert parsed(peer.receive_all()).body == b"hello"


def test_an_application_may_read_while_the_body_comes_and_answer_meanwhile(serve: Serve, network: Network) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response(*OK)
        body = environ["wsgi.input"]
        for _ in range(4):
            yield b"%d;" % len(body.read(50_000))

    peer = serve(app).connect()
    peer.send(request("Content-Length: 200000", method="POST"))
    for _ in range(4):
        peer.send(b"x" * 50_000)
        network.run(1)
    assert _joined(parsed(peer.receive_all()).body) == b"50000;" * 4


def test_a_client_waits_for_who_does_not_read(serve: Serve, network: Network) -> None:
    read: list[int] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response(*OK)
        body = environ["wsgi.input"]
        read.append(len(body.read(70_000)))
        yield b"x" * 2_000_000
        while piece := body.read(100_000):
            read.append(len(piece))

    server = serve(app)
    client = Client(server, network, acknowledge=False)
    stream = client.ask("POST", "/", body=b"")
    sent = 0
    for _ in range(100):
        size = min(client.core.local_flow_control_window(stream), 16_384)
        if size:
            client.core.send_data(stream, b"x" * size)
        sent += size
        client.turn()
    # What was read, what is kept ahead of the thread, and the window of the stream.
    assert 70_000 <= sent < 70_000 + 4 * 65_536
    assert sum(read) == 70_000


def test_a_client_that_had_to_wait_goes_on(serve: Serve, network: Network) -> None:
    go_on = threading.Event()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"]
        first = body.read(100_000)
        assert go_on.wait(100)
        rest = body.read()
        start_response(*OK)
        return [b"%d" % len(first + rest)]

    peer = serve(app).connect()
    peer.send(request(method="POST", body=b"x" * 2_000_000))
    network.run(10)
    go_on.set()
    assert parsed(peer.receive_all()).body == b"2000000"


def test_who_waits_to_be_told_to_go_on_is_told_when_it_is_read(serve: Serve, network: Network) -> None:
    read = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/refused":
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"no"]
        read.append(environ["wsgi.input"].read(5))
        start_response(*OK)
        return [b"yes"]

    server = serve(app)
    peer = server.connect()
    peer.send(request("Content-Length: 5", "Expect: 100-continue", method="POST", target="/refused"))
    assert peer.receive_all().startswith(b"HTTP/1.1 403 ")
    peer = server.connect()
    peer.send(request("Content-Length: 5", "Expect: 100-continue", method="POST"))
    assert peer.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    peer.send(b"hello")
    assert parsed(peer.receive_all()).body == b"yes"
    assert read == [b"hello"]


@pytest.mark.parametrize("sent", [10, 100_000])
def test_a_client_that_vanishes_is_an_error_of_its_connection(serve: Serve, network: Network, sent: int) -> None:
    raised: list[Exception] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except ConnectionError as error:
            raised.append(error)
            raise
        raise AssertionError

    peer = serve(app).connect()
    peer.send(request("Content-Length: 200000", method="POST"))
    peer.send(b"x" * sent)
    network.run(1)
    peer.reset()
    network.run(1)
    # Nobody was bothered with what had hardly begun.
    assert len(raised) == (sent > 10)


def test_a_thread_waits_for_no_body_once_somebody_has_answered(serve: Serve, network: Network) -> None:
    raised: list[str] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except ConnectionError as error:
            raised.append(str(error))
            raise
        return []

    def around(application: Any) -> Any:
        return Deadlines(network.machine("server").reactor, 5).around(application)

    peer = serve(app, around=around).connect()
    peer.send(request("Content-Length: 100000", "Expect: 100-continue", method="POST"))
    network.run(4)
    peer.send(b"x")
    network.run(4)
    assert peer.received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 ")
    assert raised == ["the request has been answered"]


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_body_that_turns_out_too_large_is_refused(serve: Serve, stubborn: bool) -> None:
    class Capped(WrappedExchange):
        left = 100_000

        def read(self) -> Deferred[bytes]:
            return super().read().addCallback(self.count)

        def count(self, piece: bytes) -> bytes:
            self.left -= len(piece)
            if self.left < 0:
                raise HTTPError(413, "the body is too large")
            return piece

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except OSError:
            if not stubborn:
                raise
        start_response(*OK)
        return [b"fine"]

    server = serve(app, around=lambda application: lambda exchange: application(Capped(exchange)))
    answer = ask(server, method="POST", body=b"x" * 150_000)
    assert answer.status == 413
    assert answer.body == b"413 Request Entity Too Large: the body is too large\n"


def test_what_is_not_read_harms_nobody(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(*OK)
        return [b"fine"]

    assert ask(serve(app), method="POST", body=b"x" * 200_000).body == b"fine"


def _joined(body: bytes) -> bytes:
    """The pieces of a body that came in chunks; else the body."""
    joined = b""
    rest = body
    while rest:
        size, crlf, rest = rest.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            return body
        if not crlf:
            return body
        joined, rest = joined + rest[:length], rest[length + 2 :]
    return joined
