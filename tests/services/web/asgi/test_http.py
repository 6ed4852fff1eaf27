"""HTTP for ASGI applications."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Exchange, HTTPError, WrappedExchange
from netforge.services.web.around.deadlines import Deadlines
from netforge.services.web.asgi import ClientDisconnected
from netforge.testing import Network, Peer
from tests.services.web.asgi.asking import Answer, ask, chunked, parsed, request
from tests.services.web.asgi.conftest import Serve

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
END = {"type": "http.response.body"}


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def body_of(receive: Any) -> bytes:
    pieces = []
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        pieces.append(message["body"])
        if not message["more_body"]:
            return b"".join(pieces)


def scope_for(serve: Serve, said: bytes, around: Any = lambda exchange: None) -> Any:
    """What an application is told of a request."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await hello(scope, receive, send)

    server = serve(app)
    asgi = server.application

    def begin(exchange: Exchange) -> None:
        around(exchange)
        asgi(exchange)

    server.application = begin
    peer = server.connect()
    peer.send(said)
    peer.receive_all()
    [scope] = scopes
    return scope


def test_a_response_is_what_the_application_says(serve: Serve) -> None:
    answer = ask(serve(hello))
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.fields["content-type"] == "text/plain"
    assert answer.fields["content-length"] == "5"


def test_the_scope_is_that_of_the_specification(serve: Serve) -> None:
    scope = scope_for(serve, request("X-One: 1", "X-One: 2", method="PUT", target="/a%20b/%C3%A4?q=%20&r"))
    client, server = scope.pop("client"), scope.pop("server")
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": "/a b/ä",
        "raw_path": b"/a%20b/%C3%A4",
        "query_string": b"q=%20&r",
        "root_path": "",
        "headers": [(b"host", b"example.org"), (b"connection", b"close"), (b"x-one", b"1"), (b"x-one", b"2")],
        "state": {},
        "extensions": {
            "http.response.early_hint": {},
            "http.response.pathsend": {},
            "http.response.trailers": {},
        },
    }
    assert (server[1], type(client[0]), type(client[1])) == (80, str, int)


def test_the_root_path_is_where_it_is_mounted_and_part_of_the_path(serve: Serve) -> None:
    scope = scope_for(serve, request(target="/api/users"), lambda exchange: setattr(exchange, "mount", "/api"))
    assert (scope["root_path"], scope["path"]) == ("/api", "/api/users")


def test_a_path_that_could_be_read_in_two_ways_never_reaches_the_application(serve: Serve) -> None:
    assert ask(serve(hello), target="/static/../secret").status == 400


def test_a_request_without_a_body_is_one_message_and_then_nothing_until_the_response(serve: Serve) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())
        later = asyncio.ensure_future(receive())
        await asyncio.sleep(5)
        assert not later.done()
        await hello(scope, receive, send)
        got.extend([await later, await receive()])

    assert ask(serve(app)).body == b"hello"
    assert got == [{"type": "http.request", "body": b"", "more_body": False}] + 2 * [{"type": "http.disconnect"}]


def test_a_body_is_read_as_it_comes(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not got or got[-1]["more_body"]:
            got.append(await receive())
        await hello(scope, receive, send)

    peer = serve(app).connect()
    peer.send(request("Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n")
    network.run(1)
    assert [message["body"] for message in got] == [b"hello"]
    peer.send(b"6\r\n world\r\n0\r\n\r\n")
    assert parsed(peer.receive_all()).body == b"hello"
    assert [message["body"] for message in got] == [b"hello", b" world", b""]


def test_after_the_body_there_is_nothing_until_the_response(serve: Serve) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await body_of(receive) == b"hello"
        later = asyncio.ensure_future(receive())
        await asyncio.sleep(5)
        assert not later.done()
        await hello(scope, receive, send)
        got.append(await later)

    server = serve(app)
    assert ask(server, method="POST", body=b"hello").body == b"hello"
    assert got == [{"type": "http.disconnect"}]
    # Nothing is kept of it.
    assert server.asgi._running == {}


def test_what_an_application_does_to_its_scope_stays_there(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["asgi"]["version"] == "3.0"
        assert "http.response.trailers" in scope["extensions"]
        scope["headers"].clear()
        scope["asgi"].clear()
        scope["extensions"].clear()
        await hello(scope, receive, send)

    server = serve(app)
    for _ in range(2):
        assert ask(server).status == 200
    assert all(exchange.request.headers for exchange in server.exchanges)


def test_who_sends_more_than_is_read_has_to_wait(serve: Serve, network: Network) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)
        body = await body_of(receive)
        await send(START)
        await send({**END, "body": b"%d" % len(body)})

    server = serve(app)
    peer = server.connect()
    peer.send(request(method="POST", body=b"x" * 2_000_000))
    network.run(30)
    exchange: Any = server.exchanges[0]
    assert exchange._unread < 200_000
    assert parsed(peer.receive_all()).body == b"2000000"


def test_a_client_that_expects_it_is_told_to_go_on_when_its_body_is_received(serve: Serve, network: Network) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(10)
        await body_of(receive)
        await hello(scope, receive, send)

    peer = serve(app).connect()
    peer.send(request("Expect: 100-continue", "Content-Length: 2", method="POST"))
    network.run(5)
    assert peer.received == b""
    assert peer.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    peer.send(b"ok")
    assert peer.receive_all().endswith(b"hello")


def test_a_response_is_streamed_with_its_trailers_where_they_are_wanted(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "trailers": True, "headers": [(b"trailer", b"x-sum")]})
        await send({**END, "body": b"one ", "more_body": True})
        await send({**END, "body": b"two"})
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"3")], "more_trailers": True})
        await send({"type": "http.response.trailers", "headers": [(b"x-more", b"4")]})

    server = serve(app)
    for fields, trailers in ((["TE: trailers"], b"x-sum: 3\r\nx-more: 4\r\n"), ([], b"")):
        answer = ask(server, *fields)
        assert chunked(answer.body) == (b"one two", trailers)


def test_early_hints_are_sent_before_the_response(serve: Serve, network: Network) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        hint = {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}
        await send(hint)
        await send(START)
        await send(hint)
        await asyncio.sleep(10)
        await send({**END, "body": b"hello"})

    peer = serve(app).connect()
    peer.send(request())
    network.run(5)
    assert peer.received == 2 * b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
    assert peer.receive_all().endswith(b"hello")


def test_nothing_is_sent_before_the_first_piece_of_the_body(serve: Serve, network: Network) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await asyncio.sleep(10)
        await send({**END, "body": b"hello", "more_body": True})
        await send(END)

    peer = serve(app).connect()
    peer.send(request())
    network.run(5)
    assert peer.received == b""
    assert chunked(parsed(peer.receive_all()).body) == (b"hello", b"")


def test_how_the_body_is_framed_is_not_the_applications_affair(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [[b"transfer-encoding", b"chunked"], [b"content-length", b"5"]]})
        await send({**END, "body": b"hello"})

    answer = ask(serve(app))
    assert answer.fields["transfer-encoding"] is None
    assert answer.fields.get_all("content-length") == ["5"]


def test_the_answer_to_head_keeps_its_length_and_has_no_body(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"5")]})
        await send({**END, "body": b"" if scope["path"] == "/none" else b"hello"})

    server = serve(app)
    for target in ("/", "/none"):
        answer = ask(server, method="HEAD", target=target)
        assert (answer.fields["content-length"], answer.body) == ("5", b"")


def test_a_file_is_sent_by_its_path(serve: Serve, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    (tmp_path / "file").write_bytes(content)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"%d" % len(content))]})
        await send({"type": "http.response.pathsend", "path": str(tmp_path / scope["path"][1:])})

    server = serve(app)
    assert ask(server, target="/file").body == content
    assert ask(server, target="/none").status == 500
    server.network.failures.clear()


def test_an_application_waits_for_a_client_that_does_not_read(serve: Serve, network: Network) -> None:
    sent = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send(START)
        for _ in range(100):
            await send({**END, "body": b"x" * 100_000, "more_body": True})
            sent += 1
        await send(END)

    peer = serve(app).connect()
    peer.pause()
    peer.send(request())
    network.run(30)
    assert sent < 30
    peer.resume()
    assert len(chunked(parsed(peer.receive_all()).body)[0]) == 10_000_000


def test_an_application_learns_that_its_client_is_gone(serve: Serve, network: Network) -> None:
    learnt: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        learnt.append(await receive())
        with pytest.raises(ClientDisconnected) as raised:
            await send(START)
        assert isinstance(raised.value, OSError)
        # Nobody cancels it.
        await asyncio.sleep(10)
        learnt.append("done")

    peer = serve(app).connect()
    peer.send(request())
    network.run(1)
    peer.reset()
    network.run(20)
    assert learnt == [{"type": "http.disconnect"}, "done"]


def test_a_client_that_goes_away_in_the_middle_of_its_body_ends_the_request(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not got or got[-1]["type"] == "http.request":
            got.append(await receive())

    peer = serve(app).connect()
    peer.send(request("Content-Length: 100", method="POST") + b"half")
    network.run(1)
    peer.close()
    network.run(1)
    assert got == [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]


def test_who_fails_for_want_of_a_client_is_not_logged(serve: Serve, network: Network, events: list[LogEvent]) -> None:
    failed: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()
        try:
            await send(START)
        except OSError:
            failed.append(scope["path"])
            raise RuntimeError("a framework's own error") from None

    peer = serve(app).connect()
    peer.send(request())
    network.run(1)
    peer.reset()
    network.run(1)
    assert failed == ["/"]
    assert not [event for event in events if "log_failure" in event]


def test_a_response_that_ends_ends_the_wait_for_the_rest_of_the_request(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(1)
        await hello(scope, receive, send)
        got.extend([await waiting, await receive()])

    peer = serve(app).connect()
    peer.send(request("Content-Length: 100", method="POST"))
    network.run(5)
    assert got == 2 * [{"type": "http.disconnect"}]


def test_a_piece_that_nobody_waits_for_any_more_is_not_lost(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 5)
        got.append(await body_of(receive))
        await hello(scope, receive, send)

    peer = serve(app).connect()
    peer.send(request("Content-Length: 5", method="POST"))
    network.run(10)
    peer.send(b"hello")
    peer.receive_all()
    assert got == [b"hello"]


async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("an error of the application")


async def exits(scope: Any, receive: Any, send: Any) -> None:
    raise SystemExit(1)


async def says_nothing(scope: Any, receive: Any, send: Any) -> None:
    pass


async def only_starts(scope: Any, receive: Any, send: Any) -> None:
    await send(START)


async def lies(scope: Any, receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"content-length", b"7")]})
    await send({**END, "body": b"hello"})


async def says_what_cannot_be_said(scope: Any, receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"x-split", b"a\r\nb: c")]})
    await send({**END, "body": b"hello"})


@pytest.mark.parametrize("app", [raises, exits, says_nothing, only_starts, lies, says_what_cannot_be_said])
def test_an_application_that_fails_before_the_head_gets_status_500(serve: Serve, network: Network, app: Any) -> None:
    async def either(scope: Any, receive: Any, send: Any) -> None:
        await (hello if scope["path"] == "/good" else app)(scope, receive, send)

    server = serve(either)
    peer = server.connect()
    peer.send(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
    assert peer.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 500 ")
    peer.receive_until(b"Error\n")
    # The connection goes on.
    peer.send(request(target="/good"))
    assert parsed(peer.receive_all()).body == b"hello"
    assert len(network.failures) == 1
    network.failures.clear()


async def raises_late(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send({**END, "body": b"hello", "more_body": True})
    raise ValueError("an error of the application")


async def never_ends(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send({**END, "body": b"hello", "more_body": True})


async def promises_more(scope: Any, receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"content-length", b"7")]})
    await send({**END, "body": b"hello", "more_body": True})
    await send(END)


@pytest.mark.parametrize("app", [raises_late, never_ends, promises_more])
def test_an_application_that_fails_after_the_head_cuts_its_response_short(
    serve: Serve, network: Network, app: Any
) -> None:
    peer = serve(app).connect()
    peer.send(request())
    network.run(1)
    assert peer.cut
    assert len(network.failures) == 1
    network.failures.clear()


@pytest.mark.parametrize(
    ("first", "wrong", "expected"),
    [
        ([], END, "expected the ASGI message 'http.response.start', got 'http.response.body'"),
        ([], {"type": "websocket.accept"}, "expected the ASGI message 'http.response.start', got 'websocket.accept'"),
        ([START], START, "expected the ASGI message 'http.response.body', got 'http.response.start'"),
        (
            [{**START, "trailers": True}, END],
            END,
            "expected the ASGI message 'http.response.trailers', got 'http.response.body'",
        ),
        ([START, END], END, "got 'http.response.body' after the end"),
        (
            [START, END],
            {"type": "http.response.early_hint", "links": []},
            "got 'http.response.early_hint' after the end",
        ),
    ],
)
def test_what_is_sent_out_of_turn_is_an_error_for_who_sends_it(
    serve: Serve, first: list[Any], wrong: Any, expected: str
) -> None:
    errors: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in first:
            await send(message)
        with pytest.raises(RuntimeError) as raised:
            await send(wrong)
        errors.append(str(raised.value))
        for message in [START, END][len(first) :]:
            await send(message)
        if first and "trailers" in first[0]:
            await send({"type": "http.response.trailers"})

    assert ask(serve(app)).status == 200
    assert errors == [expected]


def test_what_http_has_no_words_for_is_an_error_for_who_sends_it(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"7")]})
        with pytest.raises(LocalProtocolError, match="Content-Length says 7, but the body has 5 bytes"):
            await send({**END, "body": b"hello"})
        await send({**END, "body": b"goodbye"})

    assert ask(serve(app)).body == b"goodbye"


def test_pipelined_requests_are_answered_in_their_order(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(10 - len(scope["path"]))
        await send(START)
        await send({**END, "body": scope["path"].encode()})

    peer: Peer = serve(app).connect()
    peer.send(b"".join(b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * number) for number in (1, 2)) + request())
    said = peer.receive_all()
    assert [said.index(body) for body in (b"/x", b"/xx")] == sorted([said.index(b"/x"), said.index(b"/xx")])
    assert isinstance(parsed(said), Answer)


def test_work_in_the_background_goes_on_after_the_response(serve: Serve, network: Network) -> None:
    done: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        await asyncio.sleep(3)
        done.append("done")

    server = serve(app)
    assert ask(server).body == b"hello"
    assert done == []
    network.run_until(server.asgi.stop())
    assert done == ["done"]


def test_what_does_not_end_is_cancelled_in_the_end(serve: Serve, network: Network, events: list[LogEvent]) -> None:
    cancelled: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(scope["path"])
            raise

    server = serve(app)
    peer = server.connect()
    peer.send(request(target="/slow"))
    network.run(1)
    network.run_until(server.asgi.stop())
    network.run(1)
    assert cancelled == ["/slow"]
    assert peer.cut
    assert network.now < 10
    assert any("cancelled" in (event.get("log_format") or "") for event in events)


class Capped(WrappedExchange):
    def read(self) -> Deferred[bytes]:
        return super().read().addCallback(self._refuse)

    def _refuse(self, piece: bytes) -> bytes:
        raise HTTPError(413, "the body is too large")


def test_what_is_refused_of_a_body_is_told_to_the_client_whatever_the_application_makes_of_it(
    serve: Serve, network: Network, events: list[LogEvent]
) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())
        # As frameworks do with errors.
        await send({**START, "status": 500})

    server = serve(app)
    inner = server.application
    server.application = lambda exchange: inner(Capped(exchange))
    assert ask(server, method="POST", body=b"hello").status == 413
    assert got == [{"type": "http.disconnect"}]
    assert not [event for event in events if "log_failure" in event]


@pytest.mark.parametrize("begun", [False, True])
def test_an_application_in_whose_stead_somebody_else_answers_is_cancelled(
    serve: Serve, network: Network, *, begun: bool
) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if begun:
            await send(START)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            with pytest.raises(ClientDisconnected):
                await send(START)
            got.append(await receive())
            got.append(await receive())
            raise

    server = serve(app)
    peer = server.connect()
    peer.send(request())
    network.run(1)
    server.exchanges[0].respond(503)
    network.run(1)
    assert peer.receive_all().startswith(b"HTTP/1.1 503 ")
    assert [message["type"] for message in got] == ["http.request", "http.disconnect"]
    assert network.now < 10


def test_a_deadline_cancels_it(serve: Serve, network: Network) -> None:
    cancelled: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(scope["path"])
            raise

    server = serve(app)
    server.application = Deadlines(network.machine("server").reactor, 5).around(server.asgi)
    assert ask(server).status == 503
    network.run(1)
    assert cancelled == ["/"]


@pytest.mark.parametrize("way", ["respond", "pieces", "fail", "return"])
def test_who_answers_by_itself_goes_on(serve: Serve, network: Network, way: str) -> None:
    done: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1)
        try:
            if way == "fail":
                raise ValueError("a mistake")
            if way == "return":
                return
            await send(START)
            await send({**END, "body": b"hello", "more_body": way == "pieces"})
            if way == "pieces":
                await send(END)
        finally:
            await asyncio.sleep(3)
            done.append(way)

    server = serve(app)
    ask(server)
    network.run(5)
    assert done == [way]
    network.failures.clear()


def test_an_application_that_fails_since_another_client_is_gone_answers_its_own(serve: Serve, network: Network) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a broadcast failed") from ClientDisconnected()

    assert ask(serve(app)).status == 500
    network.failures.clear()
