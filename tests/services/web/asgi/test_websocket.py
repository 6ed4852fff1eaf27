"""WebSocket for ASGI applications."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet.endpoints import HostnameEndpoint
from twisted.logger import LogEvent

from netforge.plugin import Connection, TLSState
from netforge.protocols.http import Exchange
from netforge.protocols.websocket import Closed, Refused, WebSocket, connect
from netforge.services.web.around.deadlines import Deadlines
from netforge.services.web.asgi import ClientDisconnected
from netforge.testing import Network
from tests.protocols.http.server import Server
from tests.protocols.websocket.frames import frame
from tests.protocols.websocket.test_http2 import Client
from tests.services.web.asgi.asking import ask
from tests.services.web.asgi.conftest import Serve

ACCEPT = {"type": "websocket.accept"}
FORBIDDEN, GONE = 403, 410


def client(network: Network, server: Server, target: str = "/", **options: Any) -> WebSocket:
    """Open a WebSocket."""
    reactor = network.machine("client").reactor
    endpoint = HostnameEndpoint(reactor, "server", 80)
    socket: WebSocket = network.run_until(connect(endpoint, f"ws://server{target}", clock=reactor, **options))
    return socket


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send(ACCEPT)
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


def test_messages_go_both_ways(serve: Serve, network: Network) -> None:
    socket = client(network, serve(echo))
    for message in ("grüße", b"\0\xff", "", b""):
        socket.send(message)
        assert network.run_until(socket.receive()) == message


def test_the_scope_is_that_of_the_specification(serve: Serve, network: Network) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send({**ACCEPT, "subprotocol": "two", "headers": [(b"x-one", b"1")]})
        await receive()
        await receive()

    socket = client(network, serve(app), "/chat%20room?x=1", subprotocols=["one", "two"])
    assert socket.subprotocol == "two"
    [scope] = scopes
    told = ("type", "scheme", "http_version", "path", "raw_path", "query_string", "root_path", "subprotocols")
    assert [scope[name] for name in told] == [
        *("websocket", "ws", "1.1", "/chat room", b"/chat%20room", b"x=1", ""),
        ["one", "two"],
    ]
    assert "method" not in scope
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}


def test_by_tls_its_scheme_is_another(serve: Serve, network: Network) -> None:
    schemes: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        schemes.append(scope["scheme"])
        if scope["type"] == "websocket":
            await send(ACCEPT)
        else:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

    server = serve(app)
    inner = server.application

    def by_tls(exchange: Exchange) -> None:
        Connection.of(exchange.transport).tls = TLSState("TLSv1.3", "x")
        inner(exchange)

    server.application = by_tls
    client(network, server)
    assert ask(server).status == 200
    assert schemes == ["wss", "https"]


def test_over_http_2_it_is_the_same(serve: Serve, network: Network) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await echo(scope, receive, send)

    browser = Client(network, serve(app).connect())
    stream = browser.ask(("sec-websocket-protocol", "one"), ("origin", "http://example.org"))
    assert browser.head(stream)[":status"] == "200"
    assert browser.say(stream, frame(1, b"hello")) == ["hello"]
    [scope] = scopes
    told = ("type", "scheme", "http_version", "path", "subprotocols")
    assert [scope[name] for name in told] == ["websocket", "ws", "2", "/chat", ["one"]]


@pytest.mark.parametrize("refused", [False, True])
def test_an_application_that_does_not_decide_in_time_is_cancelled(
    serve: Serve, network: Network, *, refused: bool
) -> None:
    cancelled: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            if refused:
                await send({"type": "websocket.close"})
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(scope["path"])
            raise

    server = serve(app)
    server.application = Deadlines(network.machine("server").reactor, 5).around(server.asgi)
    with pytest.raises(Refused) as error:
        client(network, server)
    assert error.value.status == (FORBIDDEN if refused else 503)
    network.run(20)
    assert cancelled == ([] if refused else ["/"])


def test_fields_of_the_application_are_in_the_response(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**ACCEPT, "headers": [(b"x-one", b"1")]})

    peer = serve(app).connect()
    peer.send(
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    head = peer.receive_until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nx-one: 1\r\n" in head


def test_an_application_learns_how_the_client_closed(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        got.extend([await receive() for _ in range(3)])
        with pytest.raises(ClientDisconnected):
            await send({"type": "websocket.send", "text": "late"})

    socket = client(network, serve(app))
    socket.close(4000, "enough")
    network.run(1)
    assert got == [
        {"type": "websocket.connect"},
        *(2 * [{"type": "websocket.disconnect", "code": 4000, "reason": "enough"}]),
    ]


def test_an_application_learns_that_the_client_is_gone(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        got.extend([await receive() for _ in range(2)])

    socket = client(network, serve(app))
    socket.abort()
    network.run(1)
    assert got[1]["code"] == 1006


def test_an_application_closes_with_code_and_reason(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await send({"type": "websocket.close", "code": 4001, "reason": "bye"})
        got.extend([await receive() for _ in range(2)])

    socket = client(network, serve(app))
    with pytest.raises(Closed) as closed:
        network.run_until(socket.receive())
    assert (closed.value.code, closed.value.reason) == (4001, "bye")
    network.run(1)
    assert got[1]["type"] == "websocket.disconnect"


@pytest.mark.parametrize("close", [{"type": "websocket.close"}, {"type": "websocket.close", "code": 4003}])
def test_closing_before_accepting_refuses(serve: Serve, network: Network, close: Any) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(close)
        got.append(await receive())

    with pytest.raises(Refused) as refused:
        client(network, serve(app))
    assert refused.value.status == FORBIDDEN
    assert got == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


def test_an_application_may_refuse_by_a_response_of_its_own(serve: Serve, network: Network) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": GONE, "headers": [(b"x-why", b"moved")]})
        await send({"type": "websocket.http.response.body", "body": b"it was ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"here"})

    with pytest.raises(Refused) as refused:
        client(network, serve(app))
    assert refused.value.status == GONE
    assert (b"x-why", b"moved") in refused.value.headers


def test_nothing_is_received_before_it_is_accepted(serve: Serve, network: Network) -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        early = asyncio.ensure_future(receive())
        await asyncio.sleep(5)
        assert not early.done()
        await send(ACCEPT)
        got.append(await early)

    socket = client(network, serve(app))
    socket.send("hello")
    network.run(1)
    assert got == [{"type": "websocket.receive", "text": "hello"}]


@pytest.mark.parametrize(("origins", "allowed"), [(None, False), (["https://friend.example"], True), (["*"], True)])
def test_pages_of_others_may_connect_where_that_is_allowed(
    serve: Serve, network: Network, origins: Any, allowed: bool
) -> None:
    server = serve(echo, origins=origins)
    fields = [(b"origin", b"https://friend.example")]
    if allowed:
        client(network, server, fields=fields)
    else:
        with pytest.raises(Refused) as refused:
            client(network, server, fields=fields)
        assert refused.value.status == FORBIDDEN


def test_an_application_waits_for_a_client_that_does_not_receive(serve: Serve, network: Network) -> None:
    sent = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send(ACCEPT)
        for _ in range(100):
            await send({"type": "websocket.send", "bytes": b"x" * 100_000})
            sent += 1

    socket = client(network, serve(app), compress=False)
    network.run(10)
    assert sent < 50
    for _ in range(100):
        assert len(network.run_until(socket.receive())) == 100_000


async def raises(scope: Any, receive: Any, send: Any) -> None:
    await send(ACCEPT)
    await receive()
    await receive()
    raise ValueError("an error of the application")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    await send(ACCEPT)
    await receive()
    await receive()


@pytest.mark.parametrize(("app", "code", "failures"), [(raises, 1011, 1), (returns, 1000, 0)])
def test_the_end_of_the_application_closes(serve: Serve, network: Network, app: Any, code: int, failures: int) -> None:
    socket = client(network, serve(app))
    socket.send("end")
    with pytest.raises(Closed) as closed:
        network.run_until(socket.receive())
    assert closed.value.code == code
    assert len(network.failures) == failures
    network.failures.clear()


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("an error of the application")


async def says_nothing(scope: Any, receive: Any, send: Any) -> None:
    await receive()


@pytest.mark.parametrize("app", [raises_at_once, says_nothing])
def test_an_application_that_ends_without_an_answer_gets_status_500(serve: Serve, network: Network, app: Any) -> None:
    with pytest.raises(Refused) as refused:
        client(network, serve(app))
    assert refused.value.status == 500
    assert len(network.failures) == 1
    network.failures.clear()


def test_who_fails_for_want_of_a_client_is_not_logged(serve: Serve, network: Network, events: list[LogEvent]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await asyncio.sleep(10)
        await send({"type": "websocket.send", "text": "late"})

    client(network, serve(app)).abort()
    network.run(20)
    assert not [event for event in events if "log_failure" in event]


@pytest.mark.parametrize(
    ("first", "wrong", "expected"),
    [
        (
            None,
            {"type": "websocket.send", "text": ""},
            "expected the ASGI message 'websocket.accept' or 'websocket.close' or 'websocket.http.response.start', "
            "got 'websocket.send'",
        ),
        (ACCEPT, ACCEPT, "expected the ASGI message 'websocket.send' or 'websocket.close', got 'websocket.accept'"),
        ({"type": "websocket.close"}, ACCEPT, "got 'websocket.accept' after the end"),
        (
            {"type": "websocket.http.response.start", "status": 404},
            ACCEPT,
            "expected the ASGI message 'websocket.http.response.body', got 'websocket.accept'",
        ),
    ],
)
def test_what_is_sent_out_of_turn_is_an_error_for_who_sends_it(
    serve: Serve, network: Network, first: Any, wrong: Any, expected: str
) -> None:
    errors: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if first is not None:
            await send(first)
        with pytest.raises(RuntimeError) as raised:
            await send(wrong)
        errors.append(str(raised.value))
        if first is None:
            await send({"type": "websocket.close"})
        elif "status" in first:
            await send({"type": "websocket.http.response.body"})

    with suppress(Refused):
        client(network, serve(app))
    assert errors == [expected]


def test_what_does_not_end_is_cut_in_the_end(serve: Serve, network: Network) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        await asyncio.sleep(3600)

    server = serve(app)
    socket = client(network, server)
    network.run_until(server.asgi.stop())
    with pytest.raises(Closed) as closed:
        network.run_until(socket.receive())
    assert closed.value.code == 1006
