"""Requests through a proxy: what upstreams see of them, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, TrailersReceived

from netforge.protocols.http import Exchange
from netforge.testing import Network
from tests.services.web.proxy.conftest import HOST, Proxied, get, response

Make = Callable[..., Proxied]


def hello(exchange: Exchange) -> None:
    exchange.respond(200, [], b"hello " + exchange.request.target.encode())


async def echo(exchange: Exchange) -> None:
    exchange.begin(200, [])
    while piece := await exchange.read():
        exchange.write(piece)
        await exchange.ready()
    exchange.end(exchange.trailers)


def seen(exchange: Exchange) -> dict[bytes, bytes]:
    """The fields of a request, those that are given twice joined."""
    names = {name for name, _ in exchange.request.headers}
    return {name: exchange.request.header(name) or b"" for name in names}


def test_a_request_is_passed_on_and_its_response_back(proxied: Make) -> None:
    proxy = proxied(hello)
    peer = proxy.connect()
    for target in (b"/1", b"/2?a=%2F&b"):
        peer.send(get(target))
        assert response(peer) == (200, b"hello " + target)
    first, second = proxy.one.exchanges
    assert first.transport is second.transport
    assert first.transport is not None


def test_what_upstreams_see(proxied: Make, network: Network) -> None:
    proxy = proxied(hello)
    proxy.ask(
        get(
            b"/",
            b"Cookie: a\r\nConnection: keep-alive, X-Private\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Private: a\r\n"
            b"Proxy-Authorization: a\r\nProxy: a\r\nTrailer: X\r\nExpect: 100-continue\r\nVia: 1.0 other\r\n"
            b"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\n"
            b"X_Forwarded_For: 1.1.1.1\r\nX_Fine: a\r\n",
        )
    )
    address = network.machine("client").address.encode()
    assert seen(proxy.one.exchanges[0]) == {
        b"host": b"example.org",
        b"cookie": b"a",
        b"x_fine": b"a",
        b"x-forwarded-for": address,
        b"x-forwarded-host": b"example.org",
        b"x-forwarded-proto": b"http",
        b"forwarded": b'for=%b;host="example.org";proto=http' % address,
        b"via": b"1.0 other, 1.1 netforge",
    }


def test_a_trusted_proxy_is_believed_and_added_to(proxied: Make, network: Network) -> None:
    proxy = proxied(hello, trusted=["10.0.0.0/8"])
    proxy.ask(
        get(
            b"/",
            b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: example.com\r\n"
            b"Forwarded: for=192.0.2.1;proto=https\r\nX-Real-IP: 192.0.2.1\r\n",
        )
    )
    address = network.machine("client").address.encode()
    fields = seen(proxy.one.exchanges[0])
    assert fields[b"x-forwarded-for"] == b"192.0.2.1, " + address
    assert fields[b"x-forwarded-proto"] == b"https"
    assert fields[b"x-forwarded-host"] == b"example.com"
    assert fields[b"x-real-ip"] == b"192.0.2.1"
    assert fields[b"forwarded"] == b'for=192.0.2.1;proto=https, for=%b;host="example.org";proto=http' % address


def test_host_is_what_the_client_asked_for_or_the_upstreams(proxied: Make) -> None:
    proxy = proxied(hello)
    proxy.ask(b"GET http://example.com:81/a HTTP/1.1\r\nHost: other\r\n\r\n")
    request = proxy.one.exchanges[0].request
    assert (request.target, request.authority) == ("/a", "example.com:81")


def test_host_may_be_the_upstreams(proxied: Make) -> None:
    proxy = proxied(hello, host="upstream", via="")
    proxy.ask(get())
    fields = seen(proxy.one.exchanges[0])
    assert fields[b"host"] == b"one:8000"
    assert fields[b"x-forwarded-host"] == b"example.org"
    assert b"via" not in fields


@pytest.mark.parametrize(
    ("target", "strip", "asked"),
    [
        (b"/api/a?b", False, "/api/a?b"),
        (b"/api/a?b", True, "/a?b"),
        (b"/api", True, "/"),
        (b"/api?b", True, "/?b"),
        (b"/%61pi/b%20c", True, "/b%20c"),
        (b"/api/%62/?c=%2F", True, "/%62/?c=%2F"),
        (b"http://example.org/api/a?b", True, "/a?b"),
    ],
)
def test_the_path_of_the_mount_is_kept_or_stripped(proxied: Make, target: bytes, strip: bool, asked: str) -> None:
    proxy = proxied(hello, mount="/api", strip=strip)
    assert response(proxy.ask(get(target)))[0] == 200
    [exchange] = proxy.one.exchanges
    assert exchange.request.target == asked
    assert exchange.request.header(b"x-forwarded-prefix") == (b"/api" if strip else None)


def test_what_clients_see(proxied: Make) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get())
    proxy.one.say(
        b"HTTP/1.1 404 Gone Fishing\r\nDate: then\r\nServer: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nKeep-Alive: 5\r\n"
        b"Connection: X-Private\r\nX-Private: a\r\nProxy-Authenticate: a\r\nUpgrade: h2c\r\nDate: now\r\n"
        b"Content-Length: 2\r\n\r\nno"
    )
    assert peer.receive_until(b"\r\n\r\n") == (
        b"HTTP/1.1 404 Not Found\r\ndate: then\r\nserver: s\r\nset-cookie: a\r\nset-cookie: b\r\n"
        b"content-length: 2\r\nvia: 1.1 netforge\r\n\r\n"
    )
    assert peer.receive(2) == b"no"


@pytest.mark.parametrize(
    ("method", "said", "gets"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"content-length: 5"),
        (b"HEAD", b"HTTP/1.1 200 OK\r\n\r\n", b"transfer-encoding: chunked"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n", b"etag: a"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 204"),
    ],
)
def test_responses_without_a_body(proxied: Make, method: bytes, said: bytes, gets: bytes) -> None:
    proxy = proxied(None)
    peer = proxy.ask(method + b" / HTTP/1.1\r\n" + HOST + b"\r\n")
    proxy.one.say(said)
    assert gets in peer.receive_until(b"\r\n\r\n")
    peer.send(get())
    proxy.network.run(1)
    # On the same connection: the first response is complete.
    assert proxy.one.connections[0].got.endswith(b"\r\n\r\n")
    assert proxy.one.connections[0].got.count(b" / HTTP/1.1\r\n") == 2
    assert peer.received == b""


def test_bodies_and_trailers_go_both_ways(proxied: Make) -> None:
    proxy = proxied(echo)
    peer = proxy.ask(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    assert peer.receive_until(b"5\r\nhello\r\n").startswith(b"HTTP/1.1 200 OK\r\n")
    peer.send(b"3\r\nabc\r\n0\r\nX-Sum: 7\r\nHost: evil\r\nContent-Type: evil\r\n\r\n")
    assert peer.receive_until(b"\r\n\r\n") == b"3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n"


def test_a_body_of_a_length_keeps_it(proxied: Make) -> None:
    proxy = proxied(echo)
    proxy.ask(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0005\r\n\r\nhello")
    assert proxy.one.exchanges[0].request.header(b"content-length") == b"5"
    assert proxy.one.exchanges[0].request.header(b"transfer-encoding") is None


def test_slow_clients_make_upstreams_wait(proxied: Make, network: Network) -> None:
    size = 3_000_000
    told: list[int] = []

    async def large(exchange: Exchange) -> None:
        exchange.begin(200, [(b"content-length", b"%d" % size)])
        for _ in range(size // 10_000):
            exchange.write(b"x" * 10_000)
            told.append(10_000)
            await exchange.ready()
        exchange.end()

    proxy = proxied(large)
    peer = proxy.connect()
    peer.pause()
    peer.send(get())
    network.run(30)
    assert sum(told) < 2_000_000
    peer.resume()
    peer.receive_until(b"\r\n\r\n")
    assert len(peer.receive(size)) == size


def test_slow_upstreams_make_clients_wait(proxied: Make, network: Network) -> None:
    proxy = proxied(lambda exchange: None)
    peer = proxy.connect()
    size = 3_000_000
    peer.send(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size)
    network.run(1)
    [exchange] = proxy.one.exchanges
    peer.send(b"x" * size)
    network.run(30)
    assert exchange._unread < 200_000  # type: ignore[attr-defined]
    assert network.run_until(exchange.body(size), 120) == b"x" * size


def test_interim_responses_are_passed_on(proxied: Make) -> None:
    async def early(exchange: Exchange) -> None:
        exchange.inform(103, [(b"link", b"</a>; rel=preload")])
        await exchange.read()
        exchange.respond(200, [], b"hello")

    proxy = proxied(early)
    peer = proxy.ask(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    heads = peer.receive_until(b"100 Continue\r\n\r\n") + peer.receive_until(b"preload\r\n\r\n")
    assert heads.count(b"HTTP/1.1 ") == 2
    peer.send(b"hello")
    assert response(peer) == (200, b"hello")


def test_nobody_is_told_to_go_on_before_there_is_somebody_to_take_it(proxied: Make) -> None:
    proxy = proxied(hello)
    proxy.one.stop_listening()
    peer = proxy.ask(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert response(peer)[0] == 502


def test_a_response_before_the_end_of_the_request(proxied: Make, network: Network) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.respond(413, [], b"too large")

    proxy = proxied(refuse)
    peer = proxy.ask(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n" + b"x" * 100)
    assert response(peer) == (413, b"too large")
    peer.send(b"x" * 99_900 + get(b"/next"))
    assert response(peer) == (413, b"too large")


def test_a_client_that_goes_away_takes_its_request_along(proxied: Make, network: Network) -> None:
    proxy = proxied(None)
    for data in (get(), b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nabc"):
        peer = proxy.ask(data)
        peer.reset()
        network.run(1)
        assert proxy.one.connections[-1].lost
    # And while the response comes.
    peer = proxy.ask(get())
    proxy.one.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    peer.reset()
    network.run(1)
    assert proxy.one.connections[-1].lost
    assert len(proxy.one.connections) == 3


@pytest.mark.parametrize(
    "said",
    [
        b"Content-Length: 9\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nrubbish\r\n",
    ],
)
def test_a_response_that_is_cut_is_cut_for_the_client_too(proxied: Make, network: Network, said: bytes) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get())
    proxy.one.say(b"HTTP/1.1 200 OK\r\n" + said)
    if not proxy.one.connections[0].lost:
        proxy.one.hang_up()
    got = peer.receive_all()
    assert peer.closed
    assert not got.endswith(b"0\r\n\r\n")
    assert b"content-length: 3" not in got


def test_more_than_was_promised_is_nobodys_response(proxied: Make, network: Network) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get())
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    proxy.one.say(ok + b"abc" + ok + b"bad")
    assert response(peer) == (200, b"abc")
    peer.send(get())
    network.run(1)
    assert peer.received == b""
    assert len(proxy.one.connections) == 2
    proxy.one.say(ok + b"def")
    assert response(peer) == (200, b"def")


def test_a_body_that_ends_with_the_connection_is_passed_on(proxied: Make) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get())
    proxy.one.say(b"HTTP/1.0 200 OK\r\n\r\nhello")
    proxy.one.hang_up()
    assert peer.receive_until(b"0\r\n\r\n").endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


def test_tunnels_are_not_made(proxied: Make) -> None:
    proxy = proxied(hello)
    assert response(proxy.ask(b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n"))[0] == 405
    assert proxy.one.exchanges == []


def test_a_body_is_passed_on_as_one_whatever_is_offered(proxied: Make) -> None:
    proxy = proxied(echo)
    offer = b"POST / HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhello"
    assert proxy.ask(offer).receive_until(b"\r\n\r\nhello").startswith(b"HTTP/1.1 200 ")
    [exchange] = proxy.one.exchanges
    assert exchange.request.header(b"upgrade") is None


def test_over_http_2_it_is_the_same(proxied: Make, network: Network) -> None:

    proxy = proxied(echo)
    client = H2Connection(H2Configuration(client_side=True, header_encoding=False))
    client.initiate_connection()
    fields = [(":method", "POST"), (":scheme", "http"), (":authority", "example.org"), (":path", "/a")]
    client.send_headers(1, fields)
    client.send_data(1, b"hello")
    client.send_headers(1, [("x-sum", "5")], end_stream=True)
    peer = proxy.ask(client.data_to_send())
    events: list[Any] = client.receive_data(peer.received)
    [head] = [event for event in events if isinstance(event, ResponseReceived)]
    assert dict(head.headers)[b":status"] == b"200"
    assert b"".join(event.data for event in events if isinstance(event, DataReceived)) == b"hello"
    assert [event.headers for event in events if isinstance(event, TrailersReceived)] == [[(b"x-sum", b"5")]]
    request = proxy.one.exchanges[0].request
    assert (request.version, request.authority, request.header(b"via")) == ("1.1", "example.org", b"2 netforge")


@pytest.mark.parametrize("target", ["/a b", "/a HTTP/1.1\tx"])
def test_what_http_2_allows_cannot_become_another_request(proxied: Make, target: str) -> None:

    config = H2Configuration(client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False)
    proxy = proxied(hello)
    client = H2Connection(config)
    client.initiate_connection()
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "example.org"), (":path", target)]
    client.send_headers(1, fields, end_stream=True)
    peer = proxy.ask(client.data_to_send())
    events: list[Any] = client.receive_data(peer.received)
    [head] = [event for event in events if isinstance(event, ResponseReceived)]
    assert dict(head.headers)[b":status"] == b"400"
    assert proxy.one.exchanges == []
