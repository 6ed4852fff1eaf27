"""The client's side on the simulated network: against a server in the hands of the test, and against our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import (
    BadResponse,
    Exchange,
    HTTPClientProtocol,
    HTTPFactory,
    NoResponse,
    OutgoingExchange,
    Response,
    ResponseCut,
    ResponseTimeout,
)
from netforge.testing import Network
from tests.testing.behaviours.certificates import NAME, identity

HOST = [(b"host", b"server")]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Scripted(Protocol):
    """A server that says what the test has it say."""

    transport: Any

    def __init__(self) -> None:
        self.got = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True


class Ends:
    """Both ends of a connection."""

    def __init__(self, network: Network, **options: Any) -> None:
        self.network = network
        server, client = network.machine("server").reactor, network.machine("client").reactor
        self.server = Scripted()
        server.listenTCP(80, Factory.forProtocol(lambda: self.server))
        self.client = HTTPClientProtocol(client, **options)
        network.run_until(connectProtocol(HostnameEndpoint(client, "server", 80), self.client))
        network.run(0.1)

    def do(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call something on the client's machine."""

        async def calling() -> Any:
            return call(*arguments, **options)

        return self.network.run_until(calling())

    def get(self, target: str = "/", **options: Any) -> OutgoingExchange:
        exchange: OutgoingExchange = self.do(self.client.begin, "GET", target, HOST, **options)
        self.network.run(0.1)
        return exchange

    def say(self, data: bytes) -> None:
        self.do(self.server.transport.write, data)
        self.network.run(0.1)

    def hang_up(self) -> None:
        self.do(self.server.transport.loseConnection)
        self.network.run(0.1)


async def body_of(exchange: OutgoingExchange) -> bytes:
    pieces = []
    while piece := await exchange.read():
        pieces.append(piece)
    return b"".join(pieces)


def test_requests_follow_each_other_on_one_connection(network: Network) -> None:
    ends = Ends(network)
    for target in ("/1", "/2"):
        exchange = ends.get(target)
        assert not ends.client.free
        assert ends.server.got.endswith(f"GET {target} HTTP/1.1\r\nhost: server\r\n\r\n".encode())
        ends.say(OK)
        assert network.run_until(exchange.response()).status == 200
        assert network.run_until(body_of(exchange)) == b"hello"
        assert ends.client.free
    assert not ends.server.lost


def test_what_has_come_whole_can_be_had_whole(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.get()
    seen = []
    exchange.response().addCallback(lambda response: seen.append(exchange.whole()))
    ends.say(OK)
    assert seen == [b"hello"]
    exchange = ends.get()
    ends.say(OK[:-1])
    assert exchange.whole() is None


def test_one_request_at_a_time(network: Network) -> None:
    ends = Ends(network)
    ends.get()
    with pytest.raises(LocalProtocolError, match="not done"):
        ends.get()


def test_a_body_and_its_trailers_are_sent_and_received(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.do(ends.client.begin, "POST", "/", HOST, None)
    ends.do(exchange.write, b"hello")
    ends.do(exchange.end, [(b"x-sum", b"5")])
    network.run(0.1)
    assert ends.server.got.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n")
    ends.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert network.run_until(exchange.read()) == b"abc"
    reading = exchange.read()
    with pytest.raises(RuntimeError, match="has not come yet"):
        exchange.read()
    ends.say(b"0\r\nX-Sum: 3\r\n\r\n")
    assert network.run_until(reading) == b""
    assert exchange.trailers == [(b"x-sum", b"3")]
    assert ends.client.free


def test_interim_responses_are_told(network: Network) -> None:
    ends = Ends(network)
    told: list[Response] = []
    exchange = ends.get(informed=told.append)
    ends.say(b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n")
    assert [response.status for response in told] == [103]
    assert exchange.head is None
    ends.say(OK)
    assert network.run_until(exchange.response()).status == 200


def test_who_does_not_read_makes_the_server_wait(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.get()
    size = 3_000_000
    ends.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    network.run(120)
    assert exchange._unread < 200_000
    assert len(network.run_until(body_of(exchange))) == size
    assert ends.client.free


def test_a_server_that_does_not_read_makes_the_client_wait(network: Network) -> None:
    ends = Ends(network)
    ends.do(ends.server.transport.pauseProducing)
    exchange = ends.do(ends.client.begin, "PUT", "/", HOST, 3_000_000)
    ends.do(exchange.write, b"x" * 3_000_000)
    ready = exchange.ready()
    network.run(30)
    assert not ready.called
    ends.do(ends.server.transport.resumeProducing)
    network.run_until(ready)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", NoResponse),
        (b"H", ResponseCut),
        (b"HTTP/1.1 103 Early\r\n\r\n", ResponseCut),
        (b"HTTP/1.1 200 OK\r\nContent-Le", ResponseCut),
        (b"rubbish", BadResponse),
    ],
)
def test_without_a_response_the_error_says_why(network: Network, said: bytes, error: type[Exception]) -> None:
    ends = Ends(network)
    waiting = ends.get().response()
    ends.say(said)
    if not ends.server.lost:
        ends.hang_up()
    with pytest.raises(error):
        network.run_until(waiting)
    assert not ends.client.free


@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_is_cut_is_no_whole_body(network: Network, framing: bytes) -> None:
    ends = Ends(network)
    exchange = ends.get()
    ends.say(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n5\r\nabc\r\n")
    ends.hang_up()
    assert network.run_until(exchange.response()).status == 200
    assert exchange.whole() is None
    with pytest.raises(ResponseCut):
        network.run_until(body_of(exchange))


def test_a_body_may_end_with_the_connection_but_not_by_a_reset(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.get()
    ends.say(b"HTTP/1.1 200 OK\r\n\r\nhello")
    ends.hang_up()
    assert network.run_until(body_of(exchange)) == b"hello"


def test_a_reset_ends_no_body(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.get()
    ends.say(b"HTTP/1.1 200 OK\r\n\r\nhello")
    ends.do(ends.server.transport.abortConnection)
    with pytest.raises(ResponseCut):
        network.run_until(body_of(exchange))


def test_what_nobody_asked_for_ends_the_connection(network: Network, events: list[Any]) -> None:
    ends = Ends(network)
    ends.say(OK)
    assert ends.server.lost
    assert not ends.client.free
    assert any("nobody asked" in str(event.get("error")) for event in events)


def test_a_response_with_more_after_it_is_whole_and_the_last(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.get()
    ends.say(OK + OK)
    assert network.run_until(body_of(exchange)) == b"hello"
    assert not ends.client.free
    assert ends.server.lost


def test_a_connection_that_the_server_will_close_is_not_free(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.get()
    for piece in (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", b"he", b"llo"):
        ends.say(piece)
    assert network.run_until(body_of(exchange)) == b"hello"
    assert not ends.client.free
    network.run(1)
    assert ends.server.lost


def test_a_response_before_the_end_of_the_request_is_the_last(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.do(ends.client.begin, "PUT", "/", HOST, 1000)
    ends.do(exchange.write, b"x" * 10)
    ends.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
    assert network.run_until(exchange.response()).status == 413
    assert network.run_until(body_of(exchange)) == b"large"
    assert not ends.client.free
    assert ends.server.lost
    # What is said after that is dropped.
    ends.do(exchange.write, b"x" * 10)


def test_who_gives_up_cuts_the_connection(network: Network) -> None:
    ends = Ends(network)
    exchange = ends.get()
    waiting = exchange.response()
    ends.do(exchange.abort)
    with pytest.raises(ResponseCut, match="given up"):
        network.run_until(waiting)
    network.run(1)
    assert ends.server.lost
    exchange.abort()


def test_a_server_that_does_not_answer_is_given_up(network: Network) -> None:
    ends = Ends(network, first=10, between=1, idle=1)
    waiting = ends.get().response()
    network.run(9.5)
    assert not waiting.called
    with pytest.raises(ResponseTimeout):
        network.run_until(waiting, 1)


def test_the_time_for_a_response_begins_with_the_end_of_the_request(network: Network) -> None:
    ends = Ends(network, first=10)
    exchange = ends.do(ends.client.begin, "PUT", "/", HOST, 1)
    waiting = exchange.response()
    network.run(100)
    assert not waiting.called
    ends.do(exchange.write, b"x")
    ends.do(exchange.end)
    network.run(9.5)
    assert not waiting.called
    with pytest.raises(ResponseTimeout):
        network.run_until(waiting, 1)


def test_a_server_that_does_not_read_the_request_is_given_up(network: Network) -> None:
    ends = Ends(network, first=10)
    ends.do(ends.server.transport.pauseProducing)
    exchange = ends.do(ends.client.begin, "PUT", "/", HOST, 3_000_000)
    ends.do(exchange.write, b"x" * 3_000_000)
    with pytest.raises(ResponseTimeout):
        network.run_until(exchange.response(), 30)


def test_a_server_that_falls_silent_is_given_up_but_not_one_that_we_keep_waiting(network: Network) -> None:
    ends = Ends(network, between=10)
    exchange = ends.get()
    ends.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    network.run(100)
    assert network.run_until(exchange.read()) == b"abc"
    for _ in range(3):
        network.run(9)
        ends.say(b"d")
        assert network.run_until(exchange.read()) == b"d"
    with pytest.raises(ResponseTimeout):
        network.run_until(exchange.read(), 11)


def test_an_idle_connection_is_closed(network: Network) -> None:
    ends = Ends(network, idle=5)
    network.run(3)
    exchange = ends.get()
    network.run(10)
    ends.say(OK)
    assert network.run_until(body_of(exchange)) == b"hello"
    network.run(4.5)
    assert ends.client.free
    network.run(1)
    assert not ends.client.free
    assert ends.server.lost


def test_after_a_switch_the_connection_is_the_other_protocols(network: Network) -> None:
    ends = Ends(network, idle=5)
    exchange = ends.get(upgrade="chat")
    assert b"\r\nconnection: upgrade\r\nupgrade: chat\r\n" in ends.server.got
    ends.say(b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nfirst ")
    assert network.run_until(exchange.response()).status == 101
    ends.say(b"second ")
    successor = Scripted()
    ends.do(exchange.switch, successor)
    network.run(10)
    ends.say(b"third")
    assert successor.got == b"first second third"
    ends.do(successor.transport.write, b"hello")
    network.run(1)
    assert ends.server.got.endswith(b"\r\n\r\nhello")
    ends.hang_up()
    assert successor.lost
    with pytest.raises(LocalProtocolError):
        exchange.switch(Scripted())


# Twisted's own calls of pyOpenSSL.
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
def test_over_tls_a_connection_is_secured_once_the_server_has_proved_itself(network: Network) -> None:
    def hello(exchange: Exchange) -> None:
        exchange.respond(200, [], b"hello " + exchange.request.target.encode())

    who, other = identity(), identity()
    server, client = network.machine(NAME).reactor, network.machine("client").reactor
    server.listenSSL(443, HTTPFactory(hello, server), who.server)

    async def ask(trusting: Any) -> bytes:
        connection = HTTPClientProtocol(client)
        await connectProtocol(wrapClientTLS(trusting, HostnameEndpoint(client, NAME, 443)), connection)
        await connection.secured()
        return await body_of(connection.begin("GET", "/a", HOST))

    assert network.run_until(ask(who.client)) == b"hello /a"
    with pytest.raises(Exception, match="certificate verify failed"):
        network.run_until(ask(other.client))
