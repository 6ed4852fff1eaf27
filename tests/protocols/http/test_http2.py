"""HTTP/2 on the simulated network, with the library h2 as the client."""

from __future__ import annotations

from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes
from twisted.python.failure import Failure

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Exchange
from netforge.protocols.interfaces import IDrainable
from netforge.testing import Network
from tests.protocols.http.server import Server


class Client:
    """A client of HTTP/2.

    :ivar events: what it was told, by stream; of the connection under 0.
    """

    def __init__(
        self, server: Server, network: Network, *, acknowledge: bool = True, checking: bool = True, cuts: int = 0
    ) -> None:
        self.network = network
        self.peer = server.connect()
        self.core = H2Connection(H2Configuration(True, "utf-8", validate_outbound_headers=checking))
        self.events: dict[int, list[Any]] = {}
        self._acknowledge = acknowledge
        self._cuts = cuts
        self.core.initiate_connection()
        self.turn()

    def ask(self, method: str = "GET", path: str = "/", *fields: tuple[str, str], body: bytes | None = None) -> int:
        """Begin a request, and end it unless its body is empty."""
        stream = self.core.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "example.org"), (":path", path)]
        self.core.send_headers(stream, [*pseudo, *fields], end_stream=body is None)
        if body:
            self.core.send_data(stream, body, end_stream=True)
        self.turn()
        return stream

    def turn(self, seconds: float = 0.5) -> None:
        """Let both sides hear each other for a while."""
        data = self.core.data_to_send()
        size = self._cuts or max(len(data), 1)
        for start in range(0, len(data), size):
            self.peer.send(data[start : start + size])
            if self._cuts:
                self.network.run(0.01)
        self.network.run(seconds)
        while got := self.peer.received:
            self.peer.receive(len(got))
            for event in self.core.receive_data(got):
                stream = getattr(event, "stream_id", 0) or 0
                self.events.setdefault(stream, []).append(event)
                if isinstance(event, DataReceived) and self._acknowledge:
                    self.core.acknowledge_received_data(event.flow_controlled_length or 0, stream)
            self.peer.send(self.core.data_to_send())
            self.network.run(0.1)

    def told(self, stream: int, kind: type[Any]) -> list[Any]:
        return [event for event in self.events.get(stream, []) if isinstance(event, kind)]

    def response(self, stream: int) -> tuple[str, bytes]:
        """Status and body of a response that is complete."""
        assert self.told(stream, StreamEnded)
        return self.status(stream), self.body(stream)

    def status(self, stream: int) -> str:
        [response] = self.told(stream, ResponseReceived)
        status: str = dict(response.headers)[":status"]
        return status

    def body(self, stream: int) -> bytes:
        return b"".join(event.data for event in self.told(stream, DataReceived))


def hello(exchange: Exchange) -> None:
    exchange.respond(200, [(b"X-Thing", b"a"), (b"Connection", b"close")], b"hello " + exchange.request.target.encode())


@pytest.mark.parametrize("cuts", [0, 1, 7])
def test_requests_are_answered_on_one_connection(network: Network, cuts: int) -> None:
    server = Server(network, hello)
    client = Client(server, network, cuts=cuts)
    streams = [client.ask(path=f"/{number}") for number in range(3)]
    for number, stream in enumerate(streams):
        assert client.response(stream) == ("200", b"hello /%d" % number)
        [response] = client.told(stream, ResponseReceived)
        fields = dict(response.headers)
        assert fields["x-thing"] == "a"
        assert fields["content-length"] == "8"
        assert "date" in fields
        assert "connection" not in fields
    assert server.exchanges[0].request.version == "2"
    assert server.exchanges[0].request.authority == "example.org"
    assert server.exchanges[0].request.headers == [(b"host", b"example.org")]


def test_what_begins_like_http_2_may_be_http_1(network: Network) -> None:
    peer = Server(network, hello).connect()
    for piece in (b"P", b"O", b"ST / HTTP/1.1\r\nHost: a\r\n\r\n"):
        peer.send(piece)
        network.run(1)
    assert peer.received.startswith(b"HTTP/1.1 200 ")


def test_requests_are_answered_as_answers_come(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    first, second = client.ask(), client.ask()
    server.exchanges[1].respond(200, [], b"second")
    client.turn()
    assert client.response(second)[1] == b"second"
    assert first not in client.events or not client.told(first, ResponseReceived)
    server.exchanges[0].respond(200, [], b"first")
    client.turn()
    assert client.response(first)[1] == b"first"


def test_a_body_is_read_as_it_comes_and_trailers_follow(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    stream = client.ask("POST", "/", ("cookie", "a=1"), ("cookie", "b=2"), body=b"")
    [exchange] = server.exchanges
    assert exchange.request.has_body
    assert exchange.request.header(b"cookie") == b"a=1; b=2"
    reading = exchange.read()
    client.core.send_data(stream, b"hello")
    client.turn()
    assert network.run_until(reading) == b"hello"
    client.core.send_data(stream, b" world", pad_length=100)
    client.core.send_headers(stream, [("x-sum", "7")], end_stream=True)
    client.turn()
    assert network.run_until(exchange.read()) == b" world"
    assert network.run_until(exchange.read()) == b""
    assert exchange.trailers == [(b"x-sum", b"7")]


def test_who_sends_more_than_is_read_has_to_wait(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    stream = client.ask("POST", body=b"")
    [exchange] = server.exchanges
    size = 65_535
    assert client.core.local_flow_control_window(stream) == size
    while size:
        piece = min(size, 16_384)
        client.core.send_data(stream, b"x" * piece)
        size -= piece
    client.turn()
    assert client.core.local_flow_control_window(stream) == 0
    got = 0
    while got < 65_535:
        got += len(network.run_until(exchange.read()))
    client.turn()
    assert client.core.local_flow_control_window(stream) > 30_000


def test_a_response_heeds_the_window_of_the_client(network: Network) -> None:
    server = Server(network)
    client = Client(server, network, acknowledge=False)
    stream = client.ask()
    [exchange] = server.exchanges
    exchange.begin(200)
    for _ in range(20):
        exchange.write(b"x" * 10_000)
    client.turn()
    assert len(client.body(stream)) == 65_535
    waiting = exchange.ready()
    assert not waiting.called
    for _ in range(4):
        for event in client.events.pop(stream, []):
            if isinstance(event, DataReceived):
                client.core.acknowledge_received_data(event.flow_controlled_length or 0, stream)
        client.turn()
    assert waiting.called
    exchange.end([(b"X-Sum", b"7")])
    client.turn()
    [trailers] = client.told(stream, TrailersReceived)
    assert trailers.headers == [("x-sum", "7")]


def test_a_larger_window_is_used_at_once(network: Network) -> None:
    server = Server(network)
    client = Client(server, network, acknowledge=False)
    stream = client.ask()
    server.exchanges[0].respond(200, [], b"x" * 150_000)
    client.turn()
    assert len(client.body(stream)) == 65_535
    client.core.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 200_000})
    client.core.increment_flow_control_window(200_000)
    client.turn()
    assert len(client.body(stream)) == 150_000


def test_a_client_that_expects_it_is_told_to_go_on(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    stream = client.ask("POST", "/", ("expect", "100-continue"), body=b"")
    assert stream not in client.events
    [exchange] = server.exchanges
    reading = exchange.read()
    client.turn()
    assert len(client.told(stream, InformationalResponseReceived)) == 1
    client.core.send_data(stream, b"hello", end_stream=True)
    client.turn()
    assert network.run_until(reading) == b"hello"
    exchange.inform(103, [(b"link", b"</a.css>")])
    exchange.respond(204)
    client.turn()
    assert len(client.told(stream, InformationalResponseReceived)) == 2
    assert client.response(stream) == ("204", b"")


def test_a_response_before_the_body_stops_the_client(network: Network) -> None:
    server = Server(network, hello)
    client = Client(server, network)
    stream = client.ask("POST", body=b"")
    assert client.response(stream) == ("200", b"hello /")
    assert not client.told(stream, StreamReset)
    for _ in range(2):
        client.core.send_data(stream, b"more")
    client.turn()
    [reset] = client.told(stream, StreamReset)
    assert reset.error_code == ErrorCodes.NO_ERROR


def test_unread_bodies_do_not_use_up_the_window_of_the_connection(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    for _ in range(40):
        stream = client.ask("POST", body=b"")
        for _ in range(3):
            client.core.send_data(stream, b"x" * 16_000)
        client.turn()
        server.exchanges[-1].respond(200)
        client.turn()
    assert client.core.outbound_flow_control_window > 500_000


def test_head_has_no_body(network: Network) -> None:
    client = Client(Server(network, hello), network)
    stream = client.ask("HEAD")
    assert client.response(stream) == ("200", b"")
    [response] = client.told(stream, ResponseReceived)
    assert dict(response.headers)["content-length"] == "7"


def test_an_application_that_raises_harms_its_own_request_alone(network: Network) -> None:
    def application(exchange: Exchange) -> None:
        if exchange.request.target == "/late":
            exchange.begin(200)
        if exchange.request.target != "/good":
            raise KeyError("oops")
        hello(exchange)

    client = Client(Server(network, application), network)
    bad, late, good = client.ask(path="/bad"), client.ask(path="/late"), client.ask(path="/good")
    assert client.response(bad)[0] == "500"
    assert len(client.told(late, StreamReset)) == 1
    assert client.response(good)[1] == b"hello /good"
    assert len(network.failures) == 2
    network.failures.clear()


def test_an_application_that_promises_too_much_cuts_its_response_short(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    stream, other = client.ask(), client.ask()
    exchange = server.exchanges[0]
    exchange.begin(200, [(b"content-length", b"10")])
    with pytest.raises(LocalProtocolError, match="more bytes"):
        exchange.write(b"hello world")
    with pytest.raises(LocalProtocolError, match="promises: 10"):
        exchange.end()
    server.exchanges[1].respond(200, [], b"well")
    client.turn()
    assert len(client.told(stream, StreamReset)) == 1
    assert client.response(other)[1] == b"well"


@pytest.mark.parametrize(
    "fields",
    [
        [(b"x", b"a\nb")],
        [(b"x y", b"a")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"3")],
        [(b"transfer-encoding", b"chunked")],
    ],
)
def test_what_cannot_be_said_changes_nothing(network: Network, fields: Any) -> None:
    server = Server(network)
    client = Client(server, network)
    stream = client.ask()
    [exchange] = server.exchanges
    with pytest.raises(LocalProtocolError):
        exchange.respond(200, fields, b"hello")
    exchange.respond(200, [], b"hello")
    client.turn()
    assert client.response(stream) == ("200", b"hello")


def test_an_application_learns_that_a_request_was_taken_back(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    stream = client.ask("POST", body=b"")
    [exchange] = server.exchanges
    losses: list[Failure] = []
    exchange.when_lost(losses.append)
    reading = exchange.read()
    client.core.reset_stream(stream)
    client.turn()
    assert exchange.lost
    assert len(losses) == 1
    with pytest.raises(ConnectionError):
        network.run_until(reading)
    exchange.respond(200, [], b"nobody hears it")
    assert not client.peer.closed


def test_requests_that_are_taken_back_without_end_end_the_connection(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    for _ in range(300):
        stream = client.core.get_next_available_stream_id()
        client.core.send_headers(
            stream,
            [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")],
            end_stream=True,
        )
        client.core.reset_stream(stream)
    client.turn(5)
    [ended] = client.told(0, ConnectionTerminated)
    assert ended.error_code == ErrorCodes.ENHANCE_YOUR_CALM
    assert len(server.exchanges) <= 201


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("no-slash", [], "400"),
        ("/a#b", [], "400"),
        ("/", [("x", "y")] * 101, "431"),
    ],
)
def test_requests_that_are_refused_alone(network: Network, path: str, fields: Any, status: str) -> None:
    server = Server(network, hello)
    client = Client(server, network)
    stream, good = client.ask("GET", path, *fields), client.ask()
    assert client.response(stream)[0] == status
    assert client.response(good)[0] == "200"
    assert len(server.exchanges) == 1


def test_a_request_for_two_hosts_ends_the_connection(network: Network) -> None:
    server = Server(network, hello)
    client = Client(server, network, checking=False)
    client.ask("GET", "/", ("host", "other.example"))
    assert server.exchanges == []
    assert client.told(0, ConnectionTerminated)


def test_a_head_that_is_too_large_ends_the_connection(network: Network) -> None:
    server = Server(network, hello)
    client = Client(server, network)
    client.ask("GET", "/", ("x", "y" * 20_000))
    assert server.exchanges == []
    assert client.told(0, ConnectionTerminated)


def test_who_breaks_a_rule_is_told_and_left(network: Network) -> None:
    server = Server(network, hello)
    client = Client(server, network)
    client.peer.send(b"\x00\x00\x01\x06\x00\x00\x00\x00\x00x")  # a PING of one byte
    client.turn()
    assert client.told(0, ConnectionTerminated)
    assert client.peer.closed
    assert not client.peer.cut


def test_who_asks_without_reading_the_answers_is_not_listened_to(network: Network) -> None:
    server = Server(network, hello)
    client = Client(server, network)
    client.peer.pause()
    ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"
    client.peer.send(ping * 500_000)
    network.run(30)
    [connection] = [one for one in server.protocols if one is not None]
    assert len(connection.transport._tempDataBuffer) < 10_000
    assert connection.transport._tempDataLen + len(connection.transport.dataBuffer) < 2_000_000


def test_a_connection_that_idles_is_closed(network: Network) -> None:
    client = Client(Server(network, hello, idle=30), network)
    client.turn(29)
    client.ask()
    client.turn(29)
    assert not client.peer.closed
    client.turn(3)
    assert client.peer.closed
    assert client.told(0, ConnectionTerminated)


def test_a_drain_lets_requests_finish_and_refuses_others(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    client.ask()
    [connection] = server.protocols
    IDrainable(connection).drain()
    client.turn()
    [ended] = client.told(0, ConnectionTerminated)
    assert ended.error_code == ErrorCodes.NO_ERROR
    assert not client.peer.closed
    server.exchanges[0].respond(200, [], b"the last words")
    # The client's h2 takes nothing in after a GOAWAY.
    assert b"the last words" in client.peer.receive_all()
    assert not client.peer.cut


def test_an_idle_connection_is_drained_at_once(network: Network) -> None:
    server = Server(network)
    client = Client(server, network)
    [connection] = server.protocols
    IDrainable(connection).drain()
    client.turn()
    assert client.peer.closed


def test_who_does_not_read_what_came_before_the_end_is_cut_off(network: Network) -> None:
    server = Server(network, lambda exchange: exchange.respond(200, [], b"x" * 200_000), idle=30)
    client = Client(server, network)
    client.core.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 200_000})
    client.core.increment_flow_control_window(200_000)
    client.turn()
    client.peer.pause()
    client.ask()
    IDrainable(server.protocols[0]).drain()
    network.run(29)
    assert not client.peer.closed
    network.run(2)
    client.peer.resume()
    client.peer.receive_all()
    assert client.peer.cut


@pytest.mark.parametrize("cut", [1, 5, 1000])
def test_a_frame_that_is_too_large_is_refused_when_it_begins(network: Network, cut: int) -> None:
    server = Server(network, hello)
    client = Client(server, network)
    client.ask("POST", body=b"x" * 16_384)
    assert not client.peer.closed
    frame = (16_385).to_bytes(3) + b"\x00\x00\x00\x00\x00\x01" + b"x" * 20
    for start in range(0, len(frame), cut):
        client.peer.send(frame[start : start + cut])
        network.run(0.01)
    client.turn()
    [ended] = client.told(0, ConnectionTerminated)
    assert ended.error_code == ErrorCodes.FRAME_SIZE_ERROR
