"""Connections of HTTP/1.1 on the simulated network."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Exchange
from netforge.protocols.interfaces import IDrainable
from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer
from tests.protocols.http.server import Server

HOST = b"Host: example.org\r\n"


def get(target: bytes = b"/", fields: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n"


def post(body: bytes, fields: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n" + HOST + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body


def hello(exchange: Exchange) -> None:
    exchange.respond(200, [], b"hello " + exchange.request.target.encode())


def connection_of(exchange: Any) -> Any:
    return exchange._connection


def unread(exchange: Any) -> int:
    size: int = exchange._unread
    return size


def response(peer: Peer) -> tuple[bytes, bytes]:
    """The next response with a Content-Length: its status line and body."""
    head = peer.receive_until(b"\r\n\r\n")
    [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head.partition(b"\r\n")[0], peer.receive(int(length.partition(b":")[2]))


def test_requests_are_answered_on_one_connection(network: Network) -> None:
    peer = Server(network, hello).connect()
    for target in (b"/1", b"/2"):
        peer.send(get(target))
        assert response(peer) == (b"HTTP/1.1 200 OK", b"hello " + target)
    assert not peer.closed


def test_pipelined_requests_are_answered_in_their_order(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get(b"/1") + get(b"/2") + get(b"/3"))
    network.run(1)
    for number in (b"1", b"2", b"3"):
        # Nobody sees a request before the one before it is answered.
        assert len(server.exchanges) == int(number)
        server.exchanges[-1].respond(200, [], number)
        assert response(peer)[1] == number


def test_thousands_of_pipelined_requests_are_not_all_kept_at_once(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get() * 50_000)
    network.run(10)
    connection = connection_of(server.exchanges[0])
    assert len(connection._queue) < 1000
    assert len(connection._unparsed) < 300_000


def test_a_body_is_read_as_it_comes(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    network.run(1)
    [exchange] = server.exchanges
    assert network.run_until(exchange.read()) == b"hello"
    reading = exchange.read()
    with pytest.raises(RuntimeError, match="has not come yet"):
        exchange.read()
    assert not reading.called
    peer.send(b"6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n")
    assert network.run_until(reading) == b" world"
    assert network.run_until(exchange.read()) == b""
    assert network.run_until(exchange.read()) == b""
    assert exchange.trailers == [(b"x-sum", b"7")]


def test_who_sends_more_than_is_read_has_to_wait(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    body = b"x" * 3_000_000
    peer.send(post(body))
    network.run(60)
    [exchange] = server.exchanges
    assert unread(exchange) < 200_000
    got = b""
    while piece := network.run_until(exchange.read()):
        got += piece
    assert got == body


def test_a_client_that_expects_it_is_told_to_go_on_when_its_body_is_read(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    network.run(1)
    assert peer.received == b""
    [exchange] = server.exchanges
    reading = exchange.read()
    assert peer.receive_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    peer.send(b"hello")
    assert network.run_until(reading) == b"hello"
    exchange.respond(200, [], b"done")
    assert response(peer) == (b"HTTP/1.1 200 OK", b"done")
    assert not peer.closed


def test_a_client_that_was_not_told_to_go_on_is_not_listened_to(network: Network) -> None:
    server = Server(network, lambda exchange: exchange.respond(413, [], b"no"))
    peer = server.connect()
    peer.send(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 500\r\n\r\n")
    got = peer.receive_all()
    assert got.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close\r\n" in got


def test_a_response_may_come_before_the_body(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    peer.send(post(b"x" * 100_000)[:-10])
    assert response(peer) == (b"HTTP/1.1 200 OK", b"hello /")
    peer.send(b"x" * 10 + get(b"/next"))
    assert response(peer) == (b"HTTP/1.1 200 OK", b"hello /next")


def test_the_rest_of_a_large_body_is_not_waited_for(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    peer.send(post(b"x" * 10_000_000))
    assert response(peer) == (b"HTTP/1.1 200 OK", b"hello /")
    peer.receive_all()
    assert peer.closed


def test_a_response_in_pieces_heeds_the_client(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get())
    network.run(1)
    [exchange] = server.exchanges
    peer.pause()
    exchange.begin(200)
    written = 0
    while exchange.ready().called and written < 1_000_000:
        exchange.write(b"x" * 10_000)
        written += 10_000
        network.run(0.1)
    assert written < 1_000_000
    waiting = exchange.ready()
    network.run(10)
    assert not waiting.called
    peer.resume()
    network.run_until(waiting)
    exchange.end([(b"x-sum", b"7")])
    network.run(1)
    assert peer.received.endswith(b"\r\n0\r\nx-sum: 7\r\n\r\n")


def test_who_does_not_read_responses_gets_no_further_ones(network: Network) -> None:
    server = Server(network, lambda exchange: exchange.respond(200, [], b"x" * 100_000))
    peer = server.connect()
    peer.pause()
    peer.send(get() * 100)
    network.run(30)
    assert len(server.exchanges) < 20
    peer.resume()
    network.run(60)
    assert len(server.exchanges) == 100


def test_an_application_that_raises_harms_its_own_request_alone(network: Network) -> None:
    def application(exchange: Exchange) -> None:
        if exchange.request.target == "/bad":
            raise KeyError("oops")
        hello(exchange)

    server = Server(network, application)
    peer = server.connect()
    peer.send(get(b"/bad") + get(b"/good"))
    assert response(peer)[0] == b"HTTP/1.1 500 Internal Server Error"
    assert response(peer) == (b"HTTP/1.1 200 OK", b"hello /good")
    [failure] = network.failures
    assert "oops" in str(failure)
    network.failures.clear()


def test_an_application_that_raises_in_the_middle_cuts_the_response_short(network: Network) -> None:
    def application(exchange: Exchange) -> None:
        exchange.begin(200)
        exchange.write(b"half")
        raise KeyError("oops")

    peer = Server(network, application).connect()
    peer.send(get())
    assert not peer.receive_all().endswith(b"0\r\n\r\n")
    assert peer.cut
    network.failures.clear()


def test_an_application_that_promises_too_much_cuts_the_response_short(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get())
    network.run(1)
    [exchange] = server.exchanges
    exchange.begin(200, [(b"content-length", b"10")])
    with pytest.raises(LocalProtocolError, match="more bytes"):
        exchange.write(b"hello world, hello")
    exchange.write(b"hello")
    with pytest.raises(LocalProtocolError, match="promises: 5"):
        exchange.end()
    peer.receive_all()
    assert peer.cut


def test_an_application_learns_that_the_client_is_gone(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(post(b"hello")[:-2])
    network.run(1)
    [exchange] = server.exchanges
    losses: list[Failure] = []
    exchange.when_lost(losses.append)
    assert network.run_until(exchange.read()) == b"hel"
    reading, ready = exchange.read(), exchange.ready()
    peer.reset()
    network.run(1)
    assert exchange.lost
    assert len(losses) == 1
    assert ready.called
    with pytest.raises(ConnectionError, match="in the middle of the request"):
        network.run_until(reading)
    with pytest.raises(ConnectionError):
        network.run_until(exchange.read())
    exchange.respond(200, [], b"nobody hears it")


def test_who_was_answered_may_go(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    peer.send(get())
    response(peer)
    losses: list[Failure] = []
    server.exchanges[0].when_lost(losses.append)
    peer.close()
    network.run(1)
    assert losses == []


def test_a_bad_request_is_answered_after_the_good_ones_and_ends_the_connection(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get(b"/1") + b"rubbish\r\n\r\n" + get(b"/2"))
    network.run(1)
    [exchange] = server.exchanges
    assert peer.received == b""
    exchange.respond(200, [], b"one")
    assert response(peer) == (b"HTTP/1.1 200 OK", b"one")
    assert peer.receive_all().startswith(b"HTTP/1.1 501 ")
    assert len(server.exchanges) == 1
    assert not peer.cut


def test_the_connection_ends_when_the_client_wants_it(network: Network) -> None:
    peer = Server(network, hello).connect()
    peer.send(get(fields=b"Connection: close\r\n"))
    assert peer.receive_all().endswith(b"hello /")
    assert not peer.cut


def test_who_ends_its_side_still_gets_its_answers(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get(b"/1") + get(b"/2"))
    peer.end()
    network.run(1)
    for number in (b"one", b"two"):
        server.exchanges[-1].respond(200, [], number)
    assert peer.receive_all().endswith(b"two")


def test_who_ends_its_side_within_a_request_is_not_waited_for(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(post(b"hello")[:-2])
    peer.end()
    peer.receive_all()
    assert server.exchanges[0].lost


def test_a_head_that_trickles_in_is_not_waited_for(network: Network) -> None:
    server = Server(network, hello, idle=30)
    peer = server.connect()
    peer.send(b"GET / HTTP/1.1\r\n")
    for _ in range(29):
        network.run(1)
        peer.send(b"X: y\r\n")
    assert not peer.closed
    network.run(2)
    assert peer.receive_all().startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_idles_is_closed(network: Network) -> None:
    peer = Server(network, hello, idle=30).connect()
    for _ in range(3):
        network.run(29)
        peer.send(get())
        response(peer)
    network.run(29)
    assert not peer.closed
    network.run(2)
    assert peer.closed
    assert not peer.cut


def test_a_body_that_does_not_come_is_not_waited_for(network: Network) -> None:
    server = Server(network, lambda exchange: exchange.read(), idle=30)
    peer = server.connect()
    peer.send(post(b"hello")[:-2])
    network.run(32)
    assert server.exchanges[0].lost


def test_an_application_may_take_its_time(network: Network) -> None:
    server = Server(network, idle=30)
    peer = server.connect()
    peer.send(get())
    network.run(1000)
    server.exchanges[0].respond(200, [], b"at last")
    assert response(peer) == (b"HTTP/1.1 200 OK", b"at last")


@pytest.mark.parametrize("fields", [b"", b"Connection: close\r\n"])
def test_who_does_not_read_is_cut_off(network: Network, fields: bytes) -> None:
    server = Server(network, lambda exchange: exchange.respond(200, [], b"x" * 5_000_000), idle=30)
    peer = server.connect()
    peer.pause()
    peer.send(get(fields=fields))
    network.run(200)
    peer.resume()
    peer.receive_all()
    assert peer.cut


class Shouting(Protocol):
    """What a connection may be switched to."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data.upper())


OFFER = b"Connection: Upgrade\r\nUpgrade: shout\r\n"


def test_the_protocol_can_be_switched(network: Network) -> None:
    lost: list[Failure] = []

    class Last(Shouting):
        def connectionLost(self, reason: Failure = Failure(ConnectionLost())) -> None:  # noqa: B008  unused
            lost.append(reason)

    server = Server(network)
    peer = server.connect()
    peer.send(get(fields=OFFER) + b"early ")
    network.run(1)
    server.exchanges[0].switch([(b"upgrade", b"shout")], Last())
    peer.send(b"late")
    assert peer.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    assert peer.receive(10) == b"EARLY LATE"
    peer.close()
    network.run(1)
    assert len(lost) == 1


def test_an_offer_to_switch_may_be_declined(network: Network) -> None:
    server = Server(network, hello)
    peer = server.connect()
    peer.send(get(b"/1", OFFER) + get(b"/2"))
    assert response(peer)[1] == b"hello /1"
    assert response(peer)[1] == b"hello /2"


def test_what_was_not_offered_cannot_be_switched(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get())
    network.run(1)
    with pytest.raises(LocalProtocolError, match="did not offer"):
        server.exchanges[0].switch([], Shouting())


def test_who_has_offered_to_switch_does_not_fill_the_memory(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(get(fields=OFFER) + b"x" * 10_000_000)
    network.run(60)
    connection = connection_of(server.exchanges[0])
    assert len(connection._reader._rest) + len(connection._unparsed) < 500_000


def test_a_drain_lets_requests_finish(network: Network) -> None:
    server = Server(network)
    busy, idle = server.connect(), server.connect()
    busy.send(get(b"/1") + get(b"/2"))
    network.run(1)
    [exchange] = server.exchanges
    IDrainable(connection_of(exchange)).drain()
    exchange.respond(200, [], b"last")
    got = busy.receive_all()
    assert got.endswith(b"last")
    assert b"connection: close\r\n" in got
    assert not idle.closed


def test_waiting_for_a_read_can_be_given_up(network: Network) -> None:
    server = Server(network)
    peer = server.connect()
    peer.send(post(b"hello")[:-5])
    network.run(1)
    [exchange] = server.exchanges
    reading = exchange.read()
    reading.addErrback(lambda failure: None)
    reading.cancel()
    peer.send(b"hello")
    assert network.run_until(exchange.read()) == b"hello"
