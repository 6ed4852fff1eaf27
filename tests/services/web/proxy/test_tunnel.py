"""What switches protocols through a proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived

from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer
from tests.services.web.proxy.conftest import Proxied, get, response

Make = Callable[..., Proxied]

OFFER = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n"
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
)


def opened(proxy: Proxied) -> Peer:
    peer = proxy.ask(get(b"/", OFFER))
    proxy.one.say(AGREED)
    head = peer.receive_until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"upgrade: websocket\r\n" in head.lower()
    assert b"connection: upgrade\r\n" in head.lower()
    return peer


def test_an_offer_and_what_follows_are_passed_on(proxied: Make, network: Network) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get(b"/", OFFER) + b"early ")
    connection = proxy.one.connections[0]
    assert b"connection: upgrade\r\nupgrade: websocket\r\n" in connection.got
    assert b"sec-websocket-key: abc\r\n" in connection.got
    assert b"early" not in connection.got
    proxy.one.say(AGREED + b"first ")
    assert peer.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    assert peer.receive(6) == b"first "
    peer.send(b"second")
    network.run(0.1)
    assert connection.got.endswith(b"\r\n\r\nearly second")
    proxy.one.say(b"third")
    assert peer.receive(5) == b"third"


def test_an_upstream_may_decline(proxied: Make) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get(b"/", OFFER))
    proxy.one.say(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    assert response(peer) == (403, b"no")
    peer.send(get())
    proxy.network.run(0.1)
    proxy.one.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert response(peer) == (200, b"ok")


@pytest.mark.parametrize("protocol", [b"h2c", b"HTTP/2.0", b"TLS/1.2"])
def test_protocols_in_which_a_proxy_sees_nothing_are_not_offered(proxied: Make, protocol: bytes) -> None:
    proxy = proxied(None)
    peer = proxy.ask(
        get(b"/", b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: a\r\nUpgrade: " + protocol + b"\r\n")
    )
    got = proxy.one.connections[0].got.lower()
    assert b"upgrade" not in got
    assert b"http2-settings" not in got
    proxy.one.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert response(peer) == (200, b"ok")


def test_a_switch_that_nobody_offered_is_a_502(proxied: Make) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get())
    proxy.one.say(AGREED)
    assert response(peer)[0] == 502


@pytest.mark.parametrize("cut", [False, True])
def test_when_one_side_ends_the_other_does(proxied: Make, network: Network, cut: bool) -> None:
    proxy = proxied(None)
    peer = opened(proxy)
    peer.send(b"last")
    peer.reset() if cut else peer.close()
    network.run(1)
    assert cut or proxy.one.connections[0].got.endswith(b"last")
    assert proxy.one.connections[0].lost
    peer = opened(proxy)
    proxy.one.say(b"bye")
    proxy.one.hang_up()
    assert peer.receive_all() == b"bye"


def test_a_tunnel_counts_as_a_connection_until_it_ends(proxied: Make, network: Network) -> None:
    proxy = proxied(None, connections=1, first=100)
    tunnel = opened(proxy)
    peer = proxy.ask(get())
    network.run(1)
    assert len(proxy.one.connections) == 1
    tunnel.close()
    network.run(1)
    assert len(proxy.one.connections) == 2
    proxy.one.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert response(peer) == (200, b"ok")


def test_who_does_not_read_makes_the_other_wait(proxied: Make, network: Network) -> None:
    proxy = proxied(None)
    peer = opened(proxy)
    size = 3_000_000
    upstream = proxy.one.connections[0]
    peer.pause()
    proxy.one.say(b"x" * size)
    network.run(60)
    # What the sockets between hold, and no more.
    assert upstream.transport._tempDataLen + len(upstream.transport.dataBuffer) > 1_000_000
    peer.resume()
    assert len(peer.receive(size)) == size


def test_a_silent_tunnel_is_cut(proxied: Make, network: Network) -> None:
    proxy = proxied(None, quiet=100, between=10, first=10, idle=10)
    peer = opened(proxy)
    for _ in range(3):
        network.run(90)
        peer.send(b"x")
        network.run(1)
    network.run(90)
    assert not peer.closed
    network.run(15)
    assert peer.cut
    assert proxy.one.connections[0].lost


def test_a_websocket_over_http_2_becomes_one_over_http_1(proxied: Make, network: Network) -> None:
    proxy = proxied(None)
    client = H2Connection(H2Configuration(client_side=True, header_encoding=False))
    client.initiate_connection()
    peer = proxy.ask(client.data_to_send())
    client.receive_data(peer.receive(len(peer.received)))
    fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/a")]
    client.send_headers(1, [*fields, (":authority", "example.org"), ("sec-websocket-version", "13")])
    client.send_data(1, b"early ")
    peer.send(client.data_to_send())
    network.run(0.1)
    connection = proxy.one.connections[0]
    head, _, rest = connection.got.partition(b"\r\n\r\n")
    assert head.startswith(b"GET /a HTTP/1.1\r\nhost: example.org\r\n")
    assert b"\r\nconnection: upgrade\r\nupgrade: websocket" in head
    assert len(head.partition(b"sec-websocket-key: ")[2].partition(b"\r\n")[0]) == 24
    assert rest == b""
    proxy.one.say(AGREED + b"hello")
    events: list[Any] = client.receive_data(peer.receive(len(peer.received)))
    [said] = [dict(event.headers) for event in events if isinstance(event, ResponseReceived)]
    assert said[b":status"] == b"200"
    assert b"sec-websocket-accept" not in said
    assert b"".join(event.data for event in events if isinstance(event, DataReceived)) == b"hello"
    client.send_data(1, b"late", end_stream=True)
    peer.send(client.data_to_send())
    network.run(1)
    assert connection.got.endswith(b"\r\n\r\nearly late")
    assert connection.lost
