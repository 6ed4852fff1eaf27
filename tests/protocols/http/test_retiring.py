"""A factory that gives way to another one: its connections end, each after its next response."""

from __future__ import annotations

from h2.events import ConnectionTerminated, StreamEnded

from netforge.protocols.http import Exchange
from netforge.testing import Network
from tests.protocols.http.server import Server
from tests.protocols.http.test_http2 import Client

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def hello(exchange: Exchange) -> None:
    exchange.respond(200, (), b"hello")


def test_the_next_response_is_the_last_and_says_so(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    peer.send(REQUEST)
    assert b"connection" not in peer.receive_until(b"hello")
    server.protocols[0].factory.retire()
    network.run(10)
    assert not peer.closed
    peer.send(REQUEST)
    last = peer.receive_all()
    assert b"\r\nconnection: close\r\n" in last
    assert last.endswith(b"hello")
    assert not peer.cut


def test_one_on_which_nothing_is_asked_ends_when_it_has_been_idle(network: Network) -> None:
    server = Server(network, hello, idle=30)
    peer = server.connect()
    peer.send(REQUEST)
    peer.receive_until(b"hello")
    server.protocols[0].factory.retire()
    network.run(31)
    assert peer.closed
    assert not peer.cut


def test_it_can_be_taken_back(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    network.run(1)
    factory = server.protocols[0].factory
    factory.retire()
    factory.retire(retired=False)
    peer.send(REQUEST)
    assert b"connection" not in peer.receive_until(b"hello")


def test_a_connection_of_http_2_ends_once_its_streams_have(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    under_way = client.ask()
    server.protocols[0].factory.retire()
    client.turn()
    assert client.events.get(0) is None or not client.told(0, ConnectionTerminated)
    server.application = hello
    last = client.ask()
    [ended] = client.told(0, ConnectionTerminated)
    assert ended.last_stream_id == last
    assert client.told(last, StreamEnded)
    server.exchanges[0].respond(200, (), b"the last words")
    assert b"the last words" in client.peer.receive_all()
    assert under_way < last
    assert not client.peer.cut
