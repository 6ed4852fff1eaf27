"""WebSockets over HTTP/1.1, on the simulated network."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.python.failure import Failure

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Exchange, HTTPFactory, Request
from netforge.protocols.interfaces import IDrainable
from netforge.protocols.websocket import Closed, Limits, WebSocket, accept, is_websocket, offered
from netforge.protocols.websocket.events import Close, Ping, Pong
from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer
from tests.protocols.websocket.frames import cut, frame, streams
from tests.protocols.websocket.talk import Server, echo

KIB = 1024


def status(peer: Peer) -> int:
    return int(peer.receive_until(b"\r\n\r\n").split()[1])


def closed(server: Server) -> tuple[int, str]:
    """How the last WebSocket ended."""
    error = server.sockets[-1].closed
    assert error is not None
    return error.code, error.reason


# The handshake


def test_a_client_is_answered_as_the_rfc_shows(network: Network) -> None:
    client = Server(network, echo).connect()
    assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in client.head
    assert "upgrade: websocket" in client.head
    assert "connection: upgrade" in client.head
    assert "sec-websocket-extensions" not in client.head
    assert client.say(frame(1, "grüß".encode()), frame(2, b"\x00" * 70_000)) == ["grüß", b"\x00" * 70_000]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"upgrade": None}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"upgrade": "h2c, WebSocket"}, 101),
        ({"connection": "keep-alive, Upgrade"}, 101),
        ({"sec-websocket-version": "8"}, 426),
        ({"sec-websocket-version": None}, 426),
        ({"sec-websocket-key": None}, 400),
        ({"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ"}, 400),
        ({"sec-websocket-key": "dGhlIHNhbXBsZQ=="}, 400),
        ({"sec-websocket-extensions": "no;;list"}, 101),
    ],
)
def test_what_is_no_right_request_is_refused(network: Network, fields: dict[str, str | None], expected: int) -> None:
    assert status(Server(network).ask(fields)) == expected


def test_another_version_is_told_ours(network: Network) -> None:
    peer = Server(network).ask({"sec-websocket-version": "8"})
    assert b"\r\nsec-websocket-version: 13\r\n" in peer.receive_until(b"\r\n\r\n")


def test_http_1_0_knows_no_websockets(network: Network) -> None:
    assert status(Server(network).ask(version="1.0")) == 426


def test_only_get_asks_for_a_websocket(network: Network) -> None:
    assert status(Server(network).ask(method="POST")) == 426


@pytest.mark.parametrize(
    ("origin", "host", "origins", "expected"),
    [
        (None, "example.org", None, 101),
        ("http://example.org", "example.org", None, 101),
        ("https://Example.org", "example.ORG:443", None, 101),
        ("https://example.org:443", "example.org", None, 101),
        ("https://example.org:8443", "example.org:8443", None, 101),
        ("https://example.org:8443", "example.org", None, 403),
        ("https://evil.example", "example.org", None, 403),
        ("https://example.org.evil.example", "example.org", None, 403),
        ("null", "example.org", None, 403),
        ("example.org", "example.org", None, 403),
        ("https://good.example", "example.org", ["https://good.example"], 101),
        ("https://example.org", "example.org", ["https://good.example"], 403),
        ("https://evil.example", "example.org", ["*"], 101),
        (None, "example.org", ["https://good.example"], 101),
    ],
)
def test_pages_of_other_origins_may_not_connect(
    network: Network, origin: str | None, host: str, origins: list[str] | None, expected: int
) -> None:
    assert status(Server(network, origins=origins).ask({"origin": origin, "host": host})) == expected


def test_a_subprotocol_is_agreed_on(network: Network) -> None:
    server = Server(network, subprotocol="chat")
    assert "sec-websocket-protocol: chat\r" in server.connect({"sec-websocket-protocol": "soap, chat"}).head
    assert server.sockets[0].subprotocol == "chat"
    assert status(server.ask({"sec-websocket-protocol": "soap"})) == 500
    assert network.failures.pop().check(LocalProtocolError)


def test_what_is_offered_is_told_in_its_order() -> None:
    def request(value: bytes) -> Request:
        return Request("GET", "/", "a", [(b"sec-websocket-protocol", value)], "1.1", upgrade="websocket")

    assert offered(request(b"b, a")) == ["b", "a"]
    assert is_websocket(request(b""))
    with pytest.raises(Exception, match="is no token"):
        offered(request(b"a b"))


def test_who_has_gone_is_not_accepted(network: Network) -> None:
    reactor = network.machine("server").reactor
    kept: list[Exchange] = []
    reactor.listenTCP(8080, HTTPFactory(kept.append, reactor))
    Server(network).ask(port=8080)
    network.run(1)
    [exchange] = kept
    exchange.abort()
    network.run(1)
    with pytest.raises(Closed, match="1006"):
        accept(exchange, clock=reactor)


def test_more_fields_go_with_the_answer(network: Network) -> None:
    assert "set-cookie: a=1\r" in Server(network, fields=[(b"Set-Cookie", b"a=1")]).connect().head


def test_frames_may_come_with_the_request(network: Network) -> None:
    server = Server(network, echo)
    peer = server.ask()
    peer.send(frame(1, b"early"))
    assert peer.receive_until(b"early").endswith(b"\x81\x05early")


# Messages


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=streams(), at=st.lists(st.integers(0, 1000), max_size=4), close=st.booleans())
def test_whatever_a_client_says_is_answered_or_refused(data: bytes, at: list[int], close: bool) -> None:
    with Network() as network:
        server = Server(network, echo)
        client = server.connect({"sec-websocket-extensions": "permessage-deflate"})
        for piece in cut(data, at):
            client.peer.send(piece)
            network.run(0.01)
        if close:
            client.peer.end()
        else:
            client.peer.send(frame(8))
        network.run(60)
        assert client.peer.closed
        assert server.sockets[0].closed is not None
        assert not network.failures


def test_a_message_is_inflated_and_the_answer_deflated(network: Network) -> None:
    client = Server(network, echo).connect({"sec-websocket-extensions": "permessage-deflate"})
    assert "sec-websocket-extensions: permessage-deflate; server_max_window_bits=12\r" in client.head
    client.peer.send(frame(1, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=4) + frame(1, b"a" * 1000))
    network.run(1)
    assert client.peer.received[:7] == b"\x81\x05Hello"
    assert client.peer.received[7] == 0xC1
    assert len(client.peer.received) < 50


def test_compression_can_be_left_out(network: Network) -> None:
    server = Server(network, compress=False)
    assert "permessage" not in server.connect({"sec-websocket-extensions": "permessage-deflate"}).head


def test_a_ping_is_answered(network: Network) -> None:
    client = Server(network, echo).connect()
    assert client.say(frame(9, b"a"), frame(10, b"nobody asked"), frame(9, b"b")) == [Pong(b"a"), Pong(b"b")]


def test_who_does_not_receive_makes_the_client_wait(network: Network) -> None:
    server = Server(network)
    client = server.connect()
    client.peer.send(frame(2, bytes(10 * KIB)) * 500)
    network.run(5)
    [socket] = server.sockets
    assert len(socket._unread) == 7
    assert len(socket._reader._data) < 300 * KIB
    for _ in range(500):
        assert network.run_until(socket.receive()) == bytes(10 * KIB)
    assert client.say(frame(9, b"and on")) == [Pong(b"and on")]


def test_unread_messages_are_counted_too(network: Network) -> None:
    server = Server(network, limits=Limits(unread=3))
    client = server.connect()
    assert client.say(frame(1) * 4, frame(9, b"later")) == []
    [socket] = server.sockets
    assert len(socket._unread) == 3
    network.run_until(socket.receive())
    assert client.say() == []
    network.run_until(socket.receive())
    assert client.say() == [Pong(b"later")]


def test_a_client_that_does_not_read_makes_us_wait(network: Network) -> None:
    server = Server(network)
    client = server.connect()
    [socket] = server.sockets
    assert socket.ready().called
    client.peer.pause()
    count = 0
    while socket.ready().called:
        socket.send(bytes(10 * KIB))
        count += 1
        network.run(0.1)
    assert 10 < count < 200
    waiting = socket.ready()
    # Of what it asks meanwhile, the last is answered.
    client.peer.send(b"".join(frame(9, b"%d" % number) for number in range(100)))
    network.run(0.1)
    client.peer.resume()
    heard = client.say(seconds=1)
    assert waiting.called
    assert heard == [bytes(10 * KIB)] * count + [Pong(b"99")]


def test_one_receives_at_a_time(network: Network) -> None:
    server = Server(network)
    client = server.connect()
    [socket] = server.sockets
    first = socket.receive()
    with pytest.raises(RuntimeError, match="has not come yet"):
        socket.receive()
    first.addErrback(lambda failure: None)
    first.cancel()
    second = socket.receive()
    client.say(frame(1, b"a"))
    assert network.run_until(second) == "a"


# The end


def test_who_closes_is_answered_and_the_connection_closed(network: Network) -> None:
    server = Server(network, echo)
    client = server.connect()
    assert client.say(frame(1, b"a"), frame(8, b"\x0f\xa0bye"), frame(1, b"b")) == ["a", Close(4000, "")]
    assert closed(server) == (4000, "bye")
    assert client.peer.closed
    assert not client.peer.cut


def test_a_close_without_a_code_is_answered_likewise(network: Network) -> None:
    server = Server(network, echo)
    assert server.connect().say(frame(8)) == [Close(1005, "")]
    assert closed(server) == (1005, "")


def test_messages_before_the_close_can_still_be_received(network: Network) -> None:
    server = Server(network)
    assert server.connect().say(frame(1, b"a"), frame(1, b"b"), frame(8, b"\x03\xe8")) == [Close(1000, "")]
    [socket] = server.sockets
    assert [network.run_until(socket.receive()), network.run_until(socket.receive())] == ["a", "b"]
    for _ in range(2):
        with pytest.raises(Closed, match="1000"):
            network.run_until(socket.receive())


def test_messages_before_the_end_of_the_connection_can_still_be_received(network: Network) -> None:
    server = Server(network, limits=Limits(unread=2))
    client = server.connect()
    client.say(frame(1, b"a") * 5)
    client.peer.close()
    network.run(1)
    [socket] = server.sockets
    for _ in range(5):
        assert network.run_until(socket.receive()) == "a"
    network.run(1)
    with pytest.raises(Closed, match="1006"):
        network.run_until(socket.receive())


def test_we_close_and_wait_for_the_answer(network: Network) -> None:
    async def talk(socket: WebSocket) -> None:
        socket.close(4001, "enough")
        socket.send("dropped")
        await socket.receive()

    server = Server(network, talk)
    client = server.connect()
    assert client.say() == [Close(4001, "enough")]
    assert client.say(frame(1, b"dropped"), frame(9, b"too")) == []
    assert not client.peer.closed
    assert client.say(frame(8, b"\x0f\xa1")) == []
    assert closed(server) == (4001, "")
    assert client.peer.closed


def test_who_has_too_much_unread_can_still_close(network: Network) -> None:
    server = Server(network, limits=Limits(unread=1))
    client = server.connect()
    client.say(frame(1, b"a") * 3, frame(8, b"\x0f\xa1"))
    assert server.sockets[0].closed is None
    server.sockets[0].close(4001)
    assert client.say() == [Close(4001, "")]
    assert closed(server) == (4001, "")
    assert client.peer.closed


def test_who_closes_before_it_has_read_all_can_still_read_it(network: Network) -> None:
    server = Server(network, echo)
    client = server.connect()
    client.peer.pause()
    server.sockets[0].send(bytes(1_000_000))
    client.peer.send(frame(8))
    network.run(5)
    assert not client.peer.closed
    client.peer.resume()
    assert client.say(seconds=1) == [bytes(1_000_000), Close(1005, "")]
    assert client.peer.closed
    assert not client.peer.cut


def test_who_does_not_answer_a_close_is_cut(network: Network) -> None:
    server = Server(network)
    client = server.connect()
    server.sockets[0].close()
    assert client.say(seconds=9) == [Close(1000, "")]
    assert not client.peer.closed
    network.run(2)
    assert client.peer.cut
    assert closed(server) == (1006, "")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(3), 1002),
        (frame(1, b"a", key=None), 1002),
        (frame(1, b"\xff"), 1007),
        (frame(2, bytes(101)), 1009),
        (frame(8, b"\x03\xed"), 1002),
    ],
)
def test_who_breaks_a_rule_is_told_and_heard_no_more(network: Network, sent: bytes, code: int) -> None:
    server = Server(network, echo, limits=Limits(message=100))
    client = server.connect()
    [ended] = client.say(sent, frame(1, b"ignored") * 50_000)
    assert isinstance(ended, Close)
    assert ended.code == code
    assert closed(server) == (code, ended.reason)
    network.run(11)
    assert client.peer.closed


def test_who_vanishes_is_noticed(network: Network) -> None:
    server = Server(network, echo)
    server.connect().peer.reset()
    network.run(1)
    assert closed(server) == (1006, "")


def test_a_silent_client_is_asked_and_then_given_up(network: Network) -> None:
    server = Server(network, echo)
    client = server.connect()
    heard = client.say(seconds=21)
    assert heard == [Ping(b"")]
    assert client.say(frame(10), seconds=30) == []
    assert client.say(seconds=11) == [Ping(b"")]
    network.run(20)
    assert client.peer.cut
    assert closed(server) == (1006, "the peer does not answer")


def test_a_silent_client_that_reads_on_is_not_given_up(network: Network) -> None:
    server = Server(network)
    client = server.connect()
    client.peer.pause()
    server.sockets[0].send(bytes(1_000_000))
    network.run(35)
    # The ping waits behind the message.
    client.peer.resume()
    network.run(10)
    assert not client.peer.closed
    network.run(60)
    assert client.peer.cut


def test_a_client_that_we_do_not_hear_is_not_given_up(network: Network) -> None:
    server = Server(network, limits=Limits(unread=1))
    client = server.connect()
    client.say(frame(1) * 3, seconds=300)
    assert not client.peer.closed
    for _ in range(3):
        network.run_until(server.sockets[0].receive())
    client.say(seconds=60)
    assert client.peer.cut


def test_without_a_limit_silence_is_kept(network: Network) -> None:
    client = Server(network, echo, limits=Limits(silence=None)).connect()
    assert client.say(seconds=1000) == []
    assert not client.peer.closed


def test_an_application_that_fails_is_logged_and_says_so(network: Network) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.receive()
        raise KeyError("oops")

    server = Server(network, talk)
    assert server.connect().say(frame(1)) == [Close(1011, "")]
    assert network.failures.pop().check(KeyError)


def test_an_application_that_ends_closes(network: Network) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.receive()

    client = Server(network, talk).connect()
    assert client.say(frame(1)) == [Close(1000, "")]


def test_a_drained_connection_goes_away(network: Network) -> None:
    server = Server(network, echo)
    client = server.connect()
    for _ in range(2):
        IDrainable(server.protocols[0]).drain()
    assert client.say() == [Close(1001, "")]
    client.say(frame(8, b"\x03\xe9"))
    assert client.peer.closed
    IDrainable(server.protocols[0]).drain()


def test_whoever_wants_to_know_is_told_of_the_end(network: Network) -> None:
    server = Server(network)
    told: list[Any] = []
    client = server.connect()
    [socket] = server.sockets
    socket.when_closed(lambda error: 1 / 0)
    socket.when_closed(told.append)
    client.say(frame(8))
    socket.when_closed(told.append)
    assert told == [socket.closed] * 2
    assert network.failures.pop().check(ZeroDivisionError)


def test_it_can_be_cut(network: Network) -> None:
    server = Server(network, echo)
    client = server.connect()
    server.sockets[0].abort()
    network.run(1)
    assert client.peer.cut
    server.sockets[0].abort()
    assert closed(server) == (1006, "")


def test_who_waits_for_room_is_let_go_at_the_end(network: Network) -> None:
    server = Server(network)
    client = server.connect()
    [socket] = server.sockets
    client.peer.pause()
    socket.send(bytes(1_000_000))
    network.run(1)
    waiting = socket.ready()
    assert not waiting.called
    client.peer.reset()
    network.run(100)
    assert waiting.called
    assert isinstance(socket.receive().addErrback(Failure.check, Closed).result, type)
