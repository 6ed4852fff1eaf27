"""The client, with our server and with servers that are none, on the simulated network."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, TimeoutError  # noqa: A004  what it fails with
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectionDone, ConnectionRefusedError  # noqa: A004  likewise
from twisted.internet.protocol import Factory, Protocol

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.websocket import Closed, Limits, Refused, WebSocket, connect
from netforge.testing import Network
from tests.protocols.websocket.frames import frame
from tests.protocols.websocket.talk import Server, echo

URL = "ws://example.org/chat?room=1"
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n"
)


class Answer(Protocol):
    """A server that answers every request the same."""

    transport: Any

    def __init__(self, answer: bytes, heard: list[Any]) -> None:
        self.answer = answer
        self.heard = heard
        heard.append(self)
        self.got = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        if b"\r\n\r\n" in self.got and self.answer:
            answer, self.answer = self.answer, b""
            self.transport.write(answer)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True


def answering(network: Network, answer: bytes) -> list[Any]:
    """Have a server answer so; what it hears."""
    heard: list[Any] = []
    network.machine("server").reactor.listenTCP(80, Factory.forProtocol(lambda: Answer(answer, heard)))
    return heard


def opened(network: Network, url: str = URL, **options: Any) -> Deferred[WebSocket]:
    reactor = network.machine("client").reactor
    endpoint = HostnameEndpoint(reactor, "server", 80)
    return connect(endpoint, url, clock=reactor, entropy=bytes, **options)


def test_messages_go_both_ways_and_are_compressed(network: Network) -> None:
    server = Server(network, echo, subprotocol="chat")
    socket = network.run_until(opened(network, subprotocols=["soap", "chat"]))
    assert socket.subprotocol == "chat"
    for message in ("grüß", b"\x00" * 100_000, "", "a" * 100):
        socket.send(message)
        assert network.run_until(socket.receive()) == message
    socket.close(4000, "bye")
    network.run(1)
    assert str(socket.closed) == "4000"
    assert str(server.sockets[0].closed) == "4000: bye"


def test_the_request_says_what_was_asked_for(network: Network) -> None:
    heard = answering(network, b"")
    fields = [(b"Authorization", b"Basic eA==")]
    opened(network, "ws://example.org:80", subprotocols=["a", "b"], origin="https://me.example", fields=fields)
    network.run(1)
    assert heard[0].got.split(b"\r\n") == [
        b"GET / HTTP/1.1",
        b"Host: example.org",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        b"Sec-WebSocket-Protocol: a, b",
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12; server_max_window_bits=12",
        b"Origin: https://me.example",
        b"Authorization: Basic eA==",
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    ("url", "first"),
    [
        ("wss://example.org:443/", b"GET / HTTP/1.1\r\nHost: example.org\r\n"),
        ("wss://example.org:80/", b"GET / HTTP/1.1\r\nHost: example.org:80\r\n"),
        ("ws://[::1]:8080/a/b?c=d&e", b"GET /a/b?c=d&e HTTP/1.1\r\nHost: [::1]:8080\r\n"),
        ("ws://example.org?a", b"GET /?a HTTP/1.1\r\nHost: example.org\r\n"),
    ],
)
def test_urls_become_requests(network: Network, url: str, first: bytes) -> None:
    heard = answering(network, b"")
    opened(network, url)
    network.run(1)
    assert heard[0].got.startswith(first)


@pytest.mark.parametrize(
    "url", ["http://a/", "ws:///a", "ws://a/#b", "ws://u:p@a/", "ws://a/ b", "ws://a/ä", "ws://ä/", "ws://a/\r\nX: y"]
)
def test_what_is_no_url_of_a_websocket_is_refused(network: Network, url: str) -> None:
    with pytest.raises(LocalProtocolError):
        opened(network, url)


def test_a_field_that_would_end_early_is_refused(network: Network) -> None:
    with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
        opened(network, fields=[(b"a", b"b\r\nc: d")])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\n", "answered 403"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "answered 200"),
        (b"HTTP/1.0 101 Old\r\n\r\n", "no answer of HTTP/1.1"),
        (b"SSH-2.0-x\r\n\r\n", "no answer of HTTP/1.1"),
        (AGREED.replace(b"WebSocket\r", b"h2c\r") + b"\r\n", "something else"),
        (AGREED.replace(b", Upgrade", b"") + b"\r\n", "something else"),
        (AGREED.replace(b"ICX", b"icx") + b"\r\n", "the key"),
        (AGREED + b"Sec-WebSocket-Protocol: b\r\n\r\n", "not offered: 'b'"),
        (AGREED + b"Sec-WebSocket-Extensions: x-other\r\n\r\n", "not offered: 'x-other'"),
        (AGREED + b"Sec-WebSocket-Extensions: permessage-deflate; x\r\n\r\n", "not offered"),
        (AGREED + b"Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n\r\n", "not offered"),
        (AGREED + b"Sec-WebSocket-Extensions: ;\r\n\r\n", "is no token"),
        (AGREED + b"no field\r\n\r\n", "no field of an answer"),
        (AGREED + b"a: " + b"b" * 17_000, "more than 16384 bytes"),
    ],
    ids=range(14),
)
def test_a_server_that_does_not_agree_is_refused(network: Network, answer: bytes, message: str) -> None:
    heard = answering(network, answer)
    with pytest.raises(Refused, match=message):
        network.run_until(opened(network, subprotocols=["a"]))
    network.run(1)
    assert heard[0].lost


def test_a_refusal_tells_status_and_fields(network: Network) -> None:
    answering(network, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n")
    with pytest.raises(Refused) as caught:
        network.run_until(opened(network))
    assert caught.value.status == 401
    assert caught.value.headers == [(b"www-authenticate", b"Basic")]


def test_compression_is_only_accepted_if_it_was_offered(network: Network) -> None:
    answering(network, AGREED + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    with pytest.raises(Refused, match="not offered"):
        network.run_until(opened(network, compress=False))


def test_frames_may_come_with_the_answer(network: Network) -> None:
    answering(network, AGREED + b"\r\n" + frame(1, b"early", key=None))
    socket = network.run_until(opened(network))
    assert network.run_until(socket.receive()) == "early"


def test_a_server_that_does_not_answer_is_given_up(network: Network) -> None:
    heard = answering(network, b"")
    with pytest.raises(TimeoutError):
        network.run_until(opened(network, timeout=5))
    network.run(1)
    assert heard[0].lost


def test_connecting_can_be_cancelled(network: Network) -> None:
    heard = answering(network, b"")
    opening = opened(network)
    network.run(1)
    opening.cancel()
    network.run(1)
    assert heard[0].lost
    with pytest.raises(CancelledError):
        network.run_until(opening)


def test_a_server_that_goes_away_is_told(network: Network) -> None:
    heard = answering(network, b"")
    opening = opened(network)
    network.run(1)
    heard[0].transport.loseConnection()
    with pytest.raises(ConnectionDone):
        network.run_until(opening)


def test_without_a_server_there_is_no_connection(network: Network) -> None:
    network.machine("server")
    with pytest.raises(ConnectionRefusedError):
        network.run_until(opened(network))


def test_a_server_that_masks_breaks_a_rule(network: Network) -> None:
    heard = answering(network, AGREED + b"\r\n" + frame(1, b"masked"))
    socket = network.run_until(opened(network))
    with pytest.raises(Closed, match="1002: a frame is masked"):
        network.run_until(socket.receive())
    network.run(11)
    assert heard[0].lost


def test_the_server_ends_the_connection(network: Network) -> None:
    heard = answering(network, AGREED + b"\r\n" + frame(8, b"\x03\xe8", key=None))
    socket = network.run_until(opened(network, limits=Limits(close=5)))
    with pytest.raises(Closed, match="1000"):
        network.run_until(socket.receive())
    network.run(4)
    assert not heard[0].lost
    # But not for ever.
    network.run(6)
    assert heard[0].lost


def test_the_client_closes_at_the_end_of_a_block(network: Network) -> None:
    server = Server(network, echo)

    async def talk() -> None:
        async with await opened(network) as socket:
            socket.send("hello")
            assert await socket.receive() == "hello"

    network.run_until(talk())
    network.run(1)
    assert str(server.sockets[0].closed) == "1000"


def test_every_frame_of_a_client_has_a_mask_of_its_own(network: Network) -> None:
    heard = answering(network, AGREED + b"\r\n")
    keys = iter([bytes(16), b"aaaa", b"bbbb"])
    reactor = network.machine("client").reactor
    endpoint = HostnameEndpoint(reactor, "server", 80)
    socket = network.run_until(connect(endpoint, URL, clock=reactor, entropy=lambda size: next(keys)))
    socket.send("1")
    socket.close()
    network.run(1)
    assert heard[0].got.endswith(frame(1, b"1", key=b"aaaa") + frame(8, b"\x03\xe8", key=b"bbbb"))
