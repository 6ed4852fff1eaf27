"""Responses: whole ones, streams, mistakes, and clients that go away."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from netforge.protocols.http import Exchange, WrappedExchange
from netforge.testing import Network
from tests.services.web.asgi.asking import chunked
from tests.services.web.wsgi.asking import ask, parsed, request
from tests.services.web.wsgi.conftest import Serve

TEXT = [("Content-Type", "text/plain")]


def by_list(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)
    return [b"hello"]


def by_pieces(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)
    return [b"", b"he", b"llo"]


def by_iterator_of_known_length(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    yield b""
    yield b"hello"
    yield b""


def by_write(environ: Any, start_response: Any) -> list[bytes]:
    write = start_response("200 OK", [*TEXT, ("content-length", "5")])
    write(b"he")
    return [b"llo"]


@pytest.mark.parametrize("app", [by_list, by_pieces, by_iterator_of_known_length, by_write])
@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_response_of_known_length(serve: Serve, app: Any, validated: bool, method: str) -> None:
    answer = ask(serve(validator(app) if validated else app), method=method)
    assert answer.status == 200
    # The validator hides what is a list.
    if app in (by_iterator_of_known_length, by_write) or not validated:
        assert answer.fields["Content-Length"] == "5"
        assert answer.body == (b"" if method == "HEAD" else b"hello")
    assert answer.fields["Content-Type"] == "text/plain"


@pytest.mark.parametrize("app", [by_list, by_iterator_of_known_length])
def test_a_whole_response_wakes_the_reactor_once(
    serve: Serve, network: Network, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(app)
    peer = server.connect()
    reactor: Any = network.machine("server").reactor
    woken: list[Any] = []

    def call(*arguments: Any, original: Any = reactor.callFromThread) -> None:
        woken.append(arguments)
        original(*arguments)

    monkeypatch.setattr(reactor, "callFromThread", call)
    peer.send(request())
    assert parsed(peer.receive_all()).body == b"hello"
    assert len(woken) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_response_without_a_body(serve: Serve, status: str) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return []

    answer = ask(serve(app))
    assert answer.status == int(status[:3])
    assert answer.body == b""


def test_a_redirect_and_cookies(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(
            "302 Found",
            [("Location", "/a"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "caf\xe9")],
        )
        return []

    answer = ask(serve(app))
    assert answer.status == 302
    assert answer.fields["Location"] == "/a"
    assert answer.fields.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.fields["Content-Length"] == "0"


def test_the_connection_is_the_servers_affair(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Transfer-Encoding", "chunked"), ("Connection", "keep-alive"), ("TE", "x")])
        return [b"hello"]

    answer = ask(serve(app))
    assert answer.fields.get_all("Connection") == ["close"]
    assert answer.fields["TE"] is None
    assert answer.body == b"hello"


@pytest.mark.parametrize("by", ["iterable", "write"])
def test_pieces_are_sent_as_they_come(serve: Serve, network: Network, by: str) -> None:
    go_on = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", TEXT)
        if by == "write":
            write(b"first")
        else:
            yield b"first"
        assert go_on.wait(100)
        yield b"second"

    peer = serve(validator(app)).connect()
    peer.send(request())
    head = peer.receive_until(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    assert peer.receive_until(b"first\r\n") == b"5\r\nfirst\r\n"
    network.run(10)
    assert peer.received == b""
    go_on.set()
    assert peer.receive_all() == b"6\r\nsecond\r\n0\r\n\r\n"


def test_an_application_waits_for_a_slow_client(serve: Serve, network: Network) -> None:
    said = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        for number in range(200):
            said.append(number)
            yield b"x" * 20_000

    peer = serve(app).connect()
    peer.pause()
    peer.send(request())
    network.run(10)
    before = len(said)
    assert 1 < before < 60
    peer.resume()
    assert peer.receive_all().count(b"x" * 20_000) == 200
    assert len(said) == 200


def test_a_huge_piece_is_sent_as_the_client_reads(serve: Serve, network: Network) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        return [b"x" * 3_000_000]

    server = serve(app)
    peer = server.connect()
    peer.pause()
    peer.send(request())
    network.run(10)
    assert server.exchanges[0].sent < 1_000_000
    peer.resume()
    answer = parsed(peer.receive_all())
    assert answer.fields["Content-Length"] == "3000000"
    assert answer.body == b"x" * 3_000_000


class Closing:
    """An iterable that keeps whether it was closed.

    :ivar error: what was raised in its iteration.
    """

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        self.closed = 0
        self._pieces = pieces

    def __call__(self, environ: Any, start_response: Any) -> Closing:
        start_response("200 OK", TEXT)
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces()

    def close(self) -> None:
        self.closed += 1


def failing() -> Iterator[bytes]:
    yield b"half"
    raise ValueError("no more")


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 10_000


class Counted(io.BytesIO):
    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        return super().read(size)


@pytest.mark.parametrize("length", [True, False])
def test_a_file_is_sent_in_large_pieces_and_closed(serve: Serve, *, length: bool) -> None:
    content = bytes(range(256)) * 1000
    file = Counted(content)
    file.seek(1000)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [*TEXT, *[("Content-Length", str(len(content) - 1000))] * length])
        return environ["wsgi.file_wrapper"](file, 8192)

    body = ask(serve(app)).body
    assert (body if length else chunked(body)[0]) == content[1000:]
    assert file.closed
    assert file.reads == 5


def test_what_is_no_file_need_not_be_closed(serve: Serve) -> None:
    class Reading:
        def __init__(self) -> None:
            self.pieces = [b"a", b"b", b""]

        def read(self, size: int) -> bytes:
            return self.pieces.pop(0)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [*TEXT, ("Content-Length", "2")])
        return environ["wsgi.file_wrapper"](Reading())

    assert ask(serve(app)).body == b"ab"


def test_an_iterable_is_closed_in_the_end(serve: Serve) -> None:
    app = Closing(lambda: iter([b"hello"]))
    assert ask(serve(app)).body == b"5\r\nhello\r\n0\r\n\r\n"
    assert app.closed == 1


def test_an_error_in_the_middle_cuts_the_response_and_closes(serve: Serve, network: Network) -> None:
    app = Closing(failing)
    server = serve(app)
    peer = server.connect()
    peer.send(request())
    assert not peer.receive_all().endswith(b"0\r\n\r\n")
    assert peer.cut
    assert app.closed == 1
    assert "no more" in str(network.failures.pop())
    assert not network.failures


@pytest.mark.parametrize("wait", [0, 10])
def test_when_the_client_is_gone_the_iterable_is_closed(serve: Serve, network: Network, wait: int) -> None:
    app = Closing(endless)
    peer = serve(app).connect()
    peer.pause()
    peer.send(request())
    network.run(wait)
    assert app.closed == 0
    peer.reset()
    network.run(1)
    assert app.closed == 1


def test_when_the_client_is_gone_write_raises(serve: Serve, network: Network) -> None:
    raised: list[BaseException] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", TEXT)
        try:
            while True:
                write(b"x" * 10_000)
        except BaseException as error:
            raised.append(error)
            raise

    peer = serve(app).connect()
    peer.pause()
    peer.send(request())
    network.run(1)
    peer.reset()
    network.run(1)
    [error] = raised
    assert isinstance(error, ConnectionError)


def test_who_was_answered_by_somebody_else_is_closed(serve: Serve, network: Network) -> None:
    go_on = threading.Event()

    def late() -> Iterator[bytes]:
        assert go_on.wait(100)
        yield from endless()

    def around(application: Any) -> Any:
        def at_a_deadline(exchange: Exchange) -> None:
            application(exchange)
            exchange.respond(503, [], b"too late")

        return at_a_deadline

    app = Closing(late)
    server = serve(app, around=around)
    assert ask(server).body == b"too late"
    go_on.set()
    network.run(1)
    assert app.closed <= 1
    assert not network.failures


def raises(environ: Any, start_response: Any) -> list[bytes]:
    raise ValueError("the application is broken")


def leaves(environ: Any, start_response: Any) -> list[bytes]:
    sys.exit("the application is broken")


def says_nothing(environ: Any, start_response: Any) -> list[bytes]:
    return [b"hello"]


def says_text(environ: Any, start_response: Any) -> Iterator[Any]:
    start_response("200 OK", TEXT)
    yield "hello"


def says_two_lengths(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    return [b"hello"]


def says_a_line(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X-Thing", "a\r\nX-Evil: b")])
    return [b"hello"]


def says_no_status(environ: Any, start_response: Any) -> list[bytes]:
    start_response("fine", [])
    return [b"hello"]


def begins_twice(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"hello"]


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (raises, "is broken"),
        (leaves, "is broken"),
        (says_nothing, "has not called start_response"),
        (says_text, "answers with bytes, not str"),
        (says_two_lengths, "Content-Length"),
        (says_a_line, "CR, LF or NUL"),
        (says_no_status, "fin"),
        (begins_twice, "twice"),
    ],
)
def test_an_application_that_is_wrong_harms_its_own_request_alone(
    serve: Serve, network: Network, app: Any, reason: str
) -> None:
    def either(environ: Any, start_response: Any) -> Any:
        return (by_list if environ["PATH_INFO"] == "/right" else app)(environ, start_response)

    server = serve(either, threads=1)
    answer = ask(server)
    assert answer.status == 500
    assert b"broken" not in answer.body
    assert reason in str(network.failures.pop())
    assert not network.failures
    assert ask(server, target="/right").body == b"hello"


def test_less_than_content_length_cuts_the_response(serve: Serve, network: Network) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"hello"

    peer = serve(app).connect()
    peer.send(request())
    peer.receive_all()
    assert peer.cut
    assert "lacks" in str(network.failures.pop())


def test_more_than_content_length_is_an_error_where_it_is_said(serve: Serve) -> None:
    raised: list[RuntimeError] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Length", "5")])
        write(b"hel")
        with pytest.raises(RuntimeError, match="more than its Content-Length") as caught:
            write(b"lo!")
        raised.append(caught.value)
        return [b"lo"]

    assert ask(serve(app)).body == b"hello"
    assert raised


def test_more_than_content_length_is_logged(serve: Serve, network: Network) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        yield b"hello"
        yield b" world"

    assert ask(serve(app)).body == b"hello"
    assert "more than its Content-Length" in str(network.failures.pop())


def test_an_error_replaces_a_head_that_was_not_sent(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [*TEXT, ("Content-Length", "1")])
        try:
            int("oops")
        except ValueError:
            start_response("500 Oops", TEXT, sys.exc_info())
        return [b"oops"]

    answer = ask(serve(validator(app)))
    assert (answer.status, answer.body) == (500, b"4\r\noops\r\n0\r\n\r\n")


def test_a_connection_that_takes_no_more_is_one_failure(serve: Serve, network: Network) -> None:
    class Broken(WrappedExchange):
        def write(self, data: bytes) -> None:
            raise ValueError("this takes no more")

    app = Closing(endless)
    peer = serve(app, around=lambda application: lambda exchange: application(Broken(exchange))).connect()
    peer.send(request())
    peer.receive_all()
    assert peer.cut
    assert app.closed == 1
    assert "takes no more" in str(network.failures.pop())
    assert not network.failures


def test_an_error_after_the_head_is_raised_again(serve: Serve, network: Network) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"half"
        try:
            int("oops")
        except ValueError:
            start_response("500 Oops", TEXT, sys.exc_info())

    peer = serve(app).connect()
    peer.send(request())
    peer.receive_all()
    assert peer.cut
    assert "oops" in str(network.failures.pop())
