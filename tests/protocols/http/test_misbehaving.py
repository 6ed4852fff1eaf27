"""Applications that do what none should: each harms its own request alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from h2.events import ResponseReceived, StreamEnded, StreamReset
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from netforge.protocols.http import Exchange, Headers, HTTPError, run
from netforge.testing import Network
from tests.protocols.http.server import Server
from tests.protocols.http.test_http2 import Client
from tests.protocols.http.test_server import get, post, response

LENGTH = [(b"Content-Length", b"10")]


def hello(exchange: Exchange) -> None:
    exchange.respond(200, (), b"hello")


async def raises(exchange: Exchange) -> None:
    raise KeyError("oops")


async def is_cancelled(exchange: Exchange) -> None:
    raise CancelledError


async def says_nothing(exchange: Exchange) -> None:
    """Ends without a response."""


async def says_nonsense(exchange: Exchange) -> None:
    exchange.respond(200, [(b"x", b"a\r\nSet-Cookie: b")], b"hello")


async def says_more_than_it_said(exchange: Exchange) -> None:
    exchange.respond(200, LENGTH, b"hello, hello")


async def raises_what_cannot_be_said(exchange: Exchange) -> None:
    raise HTTPError(404, "no", [(b"x", b"a\nb")])


def returns_nonsense(exchange: Exchange) -> Any:
    return 42


async def writes_at_first(exchange: Exchange) -> None:
    exchange.write(b"hello")


#: Those that have said nothing.
BEFORE = [
    raises,
    is_cancelled,
    says_nothing,
    says_nonsense,
    says_more_than_it_said,
    raises_what_cannot_be_said,
    returns_nonsense,
    writes_at_first,
]


async def stops_in_the_middle(exchange: Exchange) -> None:
    exchange.begin(200)
    exchange.write(b"hal")


async def raises_in_the_middle(exchange: Exchange) -> None:
    exchange.begin(200)
    exchange.write(b"hal")
    raise HTTPError(404, "too late")


async def writes_too_little(exchange: Exchange) -> None:
    exchange.begin(200, LENGTH)
    exchange.write(b"hal")
    exchange.end()


async def writes_too_much(exchange: Exchange) -> None:
    exchange.begin(200, LENGTH)
    exchange.write(b"hal")
    exchange.write(b"hello, hello")


async def begins_twice(exchange: Exchange) -> None:
    exchange.begin(200)
    exchange.write(b"hal")
    exchange.begin(200)


#: Those whose client has half of a response.
WITHIN = [stops_in_the_middle, raises_in_the_middle, writes_too_little, writes_too_much, begins_twice]


async def responds_twice(exchange: Exchange) -> None:
    hello(exchange)
    hello(exchange)


async def writes_after_the_end(exchange: Exchange) -> None:
    exchange.begin(200)
    exchange.write(b"hello")
    exchange.end()
    exchange.write(b"hello")


async def ends_twice(exchange: Exchange) -> None:
    exchange.begin(200)
    exchange.write(b"hello")
    exchange.end()
    exchange.end()


async def raises_at_last(exchange: Exchange) -> None:
    hello(exchange)
    raise KeyError("oops")


#: Those that have said all.
AFTER = [responds_twice, writes_after_the_end, ends_twice, raises_at_last]


def beside(bad: Callable[[Exchange], Any]) -> Callable[[Exchange], Any]:
    return lambda exchange: run(bad if exchange.request.target == "/bad" else hello, exchange)


def logged(network: Network) -> int:
    count = len(network.failures)
    network.failures.clear()
    return count


@pytest.mark.parametrize("bad", BEFORE)
def test_who_has_said_nothing_says_500(network: Network, bad: Any) -> None:
    server = Server(network, beside(bad))
    peer = server.connect()
    peer.send(get() + get(b"/bad") + get())
    assert [response(peer)[0][9:12] for _ in range(3)] == [b"200", b"500", b"200"]
    client = Client(server, network)
    streams = [client.ask(path=path) for path in ("/", "/bad", "/")]
    assert [client.status(stream) for stream in streams] == ["200", "500", "200"]
    assert logged(network) == 2


@pytest.mark.parametrize("bad", WITHIN)
def test_half_a_response_is_cut_short(network: Network, bad: Any) -> None:
    server = Server(network, beside(bad))
    peer, other = server.connect(), server.connect()
    peer.send(get())
    assert response(peer)[1] == b"hello"
    peer.send(get(b"/bad") + get())
    said = peer.receive_all()
    assert said.count(b"HTTP/1.1 ") == 1
    # The client can tell: neither is the last chunk there, nor as much as was promised.
    assert not said.endswith(b"0\r\n\r\n")
    assert b"content-length: " not in said or len(said.partition(b"\r\n\r\n")[2]) < 10
    other.send(get())
    assert response(other)[1] == b"hello"
    client = Client(server, network)
    good, cut, last = (client.ask(path=path) for path in ("/", "/bad", "/"))
    assert client.response(good) == client.response(last) == ("200", b"hello")
    assert client.told(cut, StreamReset)
    assert not client.told(cut, StreamEnded)
    assert logged(network) == 2


@pytest.mark.parametrize("bad", AFTER)
def test_what_comes_after_a_response_is_not_said(network: Network, bad: Any) -> None:
    server = Server(network, beside(bad))
    peer = server.connect()
    peer.send(get() + get(b"/bad") + get(fields=b"Connection: close\r\n"))
    said = peer.receive_all()
    assert said.count(b"HTTP/1.1 200 ") == said.count(b"hello") == 3
    assert not peer.cut
    client = Client(server, network)
    streams = [client.ask(path=path) for path in ("/", "/bad", "/")]
    assert [client.response(stream) for stream in streams] == [("200", b"hello")] * 3
    assert logged(network) == 2


def test_who_never_answers_keeps_only_those_waiting_that_wait_for_it(network: Network) -> None:
    server = Server(network, beside(lambda exchange: Deferred()), idle=30)
    waiting, other = server.connect(), server.connect()
    waiting.send(get(b"/bad") + get())
    other.send(get())
    assert response(other)[1] == b"hello"
    client = Client(server, network)
    bad, good = client.ask(path="/bad"), client.ask()
    client.turn(100)
    assert client.response(good)[1] == b"hello"
    assert not client.told(bad, ResponseReceived)
    assert waiting.received == b""
    for peer in (waiting, client.peer):
        peer.reset()
    network.run(1)
    assert [exchange.lost for exchange in server.exchanges if exchange.request.target == "/bad"] == [True, True]


def test_who_never_reads_keeps_nobody_else_waiting(network: Network) -> None:
    server = Server(network, beside(lambda exchange: Deferred()))
    stuck, other = server.connect(), server.connect()
    stuck.send(post(b"x" * 1_000_000).replace(b"POST /", b"POST /bad"))
    other.send(post(b"x" * 1_000_000))
    assert response(other)[1] == b"hello"
    client = Client(server, network)
    bad = client.ask("POST", "/bad", body=b"")
    for _ in range(3):
        client.core.send_data(bad, b"x" * 16_000)
    good = client.ask("POST", body=b"x" * 16_000)
    assert client.response(good) == ("200", b"hello")


def test_who_waits_for_a_client_that_is_gone_is_told(network: Network) -> None:
    ends: list[str] = []

    async def application(exchange: Exchange) -> None:
        try:
            await exchange.body(1000)
        except ConnectionError:
            ends.append("told")
            raise

    server = Server(network, lambda exchange: run(application, exchange))
    peer = server.connect()
    peer.send(post(b"hello")[:-1])
    client = Client(server, network)
    client.core.reset_stream(client.ask("POST", body=b""))
    client.turn()
    peer.reset()
    network.run(1)
    assert ends == ["told", "told"]
    assert logged(network) == 0


@pytest.mark.parametrize("begun", [False, True])
def test_who_reads_what_turns_out_to_be_malformed_is_told_and_the_client_too(network: Network, begun: bool) -> None:
    def application(exchange: Exchange) -> Deferred[bytes]:
        if begun:
            exchange.begin(200)
        return exchange.read()

    server = Server(network, lambda exchange: run(application, exchange))
    peer = server.connect()
    peer.send(get().replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"))
    network.run(1)
    peer.send(b"0x5\r\nhello")
    assert peer.receive_all().startswith(b"HTTP/1.1 200 " if begun else b"HTTP/1.1 400 ")
    assert peer.cut is begun
    assert server.exchanges[0].lost


def test_what_turns_out_to_be_malformed_after_its_response_ends_the_connection(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    peer.send(get().replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"))
    assert response(peer)[1] == b"hello"
    peer.send(b"0x5\r\nhello")
    assert peer.receive_all() == b""
    assert not peer.cut


def test_who_was_answered_early_may_end_in_the_middle_of_its_request(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    peer.send(post(b"hello")[:-2])
    peer.end()
    assert peer.receive_all().endswith(b"\r\n\r\nhello")
    assert not peer.cut


@pytest.mark.parametrize("fields", [[], [(b"content-length", b"10")]])
def test_answers_before_one_that_is_cut_short_arrive(network: Network, fields: Headers) -> None:
    lost: list[Failure] = []

    def application(exchange: Exchange) -> None:
        if exchange.request.target != "/bad":
            exchange.respond(200, (), b"hello")
            return
        exchange.when_lost(lost.append)
        exchange.begin(200, fields)
        exchange.write(b"half")
        exchange.abort()

    peer = Server(network, application).connect()
    peer.send(get() + get(b"/bad") + get(b"/never"))
    said = peer.receive_all()
    assert b"hello" in said
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert said.rstrip().endswith(b"half")
    assert len(lost) == 1
