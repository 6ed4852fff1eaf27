"""WebSockets over HTTP/2 (RFC 8441), with the library h2 as the client."""

from __future__ import annotations

from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Exchange, HTTPFactory
from netforge.protocols.interfaces import IDrainable
from netforge.protocols.websocket import Closed, Limits
from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket.events import Close, Event, Ping, Pong
from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer
from tests.protocols.websocket.frames import frame
from tests.protocols.websocket.talk import Server, echo

KIB = 1024


class Client:
    """A connection of HTTP/2.

    :ivar events: what the server said, by stream.
    """

    def __init__(self, network: Network, peer: Peer, *, reading: bool = True) -> None:
        self.network = network
        self.peer = peer
        self.reading = reading
        self.core = H2Connection(H2Configuration(True, "utf-8"))
        self.core.initiate_connection()
        self.events: dict[int, list[Any]] = {}
        self.readers: dict[int, MessageReader] = {}
        self.turn()

    def ask(self, *fields: tuple[str, str], protocol: str | None = "websocket") -> int:
        """Ask for a WebSocket."""
        stream = self.core.get_next_available_stream_id()
        pseudo = [(":method", "CONNECT"), (":authority", "example.org")]
        if protocol is not None:
            pseudo += [(":scheme", "http"), (":path", "/chat"), (":protocol", protocol)]
        self.core.send_headers(stream, [*pseudo, ("sec-websocket-version", "13"), *fields])
        self.readers[stream] = MessageReader(masked=False, most=KIB * KIB)
        self.turn()
        return stream

    def say(self, stream: int, *data: bytes, seconds: float = 0.5, end: bool = False) -> list[Event]:
        """Send something on a stream, and return what comes back on it within a while."""
        for piece in data:
            self.core.send_data(stream, piece)
        if end:
            self.core.end_stream(stream)
        self.turn(seconds)
        return self.heard(stream)

    def heard(self, stream: int) -> list[Event]:
        """What has come and was not yet asked for."""
        return list(iter(self.readers[stream].next_event, None))

    def turn(self, seconds: float = 0.5) -> None:
        """Let both sides hear each other for a while."""
        self.peer.send(self.core.data_to_send())
        self.network.run(seconds)
        while got := self.peer.received:
            self.peer.receive(len(got))
            for event in self.core.receive_data(got):
                stream = getattr(event, "stream_id", 0) or 0
                self.events.setdefault(stream, []).append(event)
                if isinstance(event, DataReceived) and stream in self.readers:
                    self.readers[stream].receive_data(event.data or b"")
                    if self.reading:
                        self.core.acknowledge_received_data(event.flow_controlled_length or 0, stream)
            self.peer.send(self.core.data_to_send())
            self.network.run(0.1)

    def told(self, stream: int, kind: type[Any]) -> list[Any]:
        return [event for event in self.events.get(stream, []) if isinstance(event, kind)]

    def head(self, stream: int) -> dict[str, str]:
        """The head of the server's answer."""
        [response] = self.told(stream, ResponseReceived)
        return dict(response.headers)


def connected(network: Network, server: Server, **options: Any) -> Client:
    return Client(network, server.dial(), **options)


def test_the_server_says_that_it_can(network: Network) -> None:
    client = connected(network, Server(network))
    assert client.core.remote_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1


def test_websockets_share_a_connection(network: Network) -> None:
    server = Server(network, echo, subprotocol="chat")
    client = connected(network, server)
    streams = [client.ask(("sec-websocket-protocol", "chat"), ("origin", "http://example.org")) for _ in range(3)]
    for stream in streams:
        head = client.head(stream)
        assert head[":status"] == "200"
        assert head["sec-websocket-protocol"] == "chat"
        assert not {"upgrade", "connection", "sec-websocket-accept"} & head.keys()
    for number, stream in enumerate(streams):
        assert client.say(stream, frame(1, b"%d" % number), frame(9, b"x")) == [str(number), Pong(b"x")]
    assert client.say(streams[0], frame(8, b"\x0f\xa0bye")) == [Close(4000, "")]
    assert client.told(streams[0], StreamEnded)
    assert str(server.sockets[0].closed) == "4000: bye"
    assert client.say(streams[1], frame(1, b"still")) == ["still"]


def test_messages_are_compressed(network: Network) -> None:
    client = connected(network, Server(network, echo))
    stream = client.ask(("sec-websocket-extensions", "permessage-deflate"))
    assert client.head(stream)["sec-websocket-extensions"].startswith("permessage-deflate")
    client.readers.pop(stream)
    client.core.send_data(stream, frame(1, b"a" * 10_000))
    client.turn()
    [data] = client.told(stream, DataReceived)
    assert len(data.data) < 100


@pytest.mark.parametrize(
    ("fields", "protocol", "status"),
    [
        ([("origin", "https://evil.example")], "websocket", "403"),
        ([], "connect-udp", "426"),
        ([], None, "426"),
    ],
)
def test_what_is_refused_ends_its_stream_alone(
    network: Network, fields: list[tuple[str, str]], protocol: str | None, status: str
) -> None:
    client = connected(network, Server(network, echo))
    refused, good = client.ask(*fields, protocol=protocol), client.ask()
    assert client.head(refused)[":status"] == status
    assert client.told(refused, StreamEnded)
    client.core.send_data(refused, b"all the same")
    client.turn()
    [reset] = client.told(refused, StreamReset)
    assert reset.error_code == ErrorCodes.NO_ERROR
    assert client.say(good, frame(1, b"a")) == ["a"]


def test_nothing_is_switched_without_an_offer(network: Network) -> None:
    server = Server(network)
    kept: list[Exchange] = []
    server.reactor.listenTCP(8080, HTTPFactory(kept.append, server.reactor))
    client = Client(network, server.dial(8080))
    client.core.send_headers(1, [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")])
    client.turn()
    with pytest.raises(LocalProtocolError, match="did not offer"):
        kept[0].switch([], Protocol())


def test_a_large_message_goes_both_ways_by_the_windows(network: Network) -> None:
    server = Server(network, echo)
    client = connected(network, server)
    stream = client.ask()
    message = bytes(range(256)) * 2 * KIB
    data = frame(2, message)
    while data:
        room = min(client.core.local_flow_control_window(stream), 16 * KIB)
        assert room
        client.core.send_data(stream, data[:room])
        data = data[room:]
        client.turn(0.1)
    assert client.heard(stream) == [message]


def test_who_does_not_receive_makes_the_client_wait(network: Network) -> None:
    server = Server(network, limits=Limits(unread=2))
    client = connected(network, server)
    stream, other = client.ask(), client.ask()
    while client.core.local_flow_control_window(stream) > 5 * KIB:
        client.core.send_data(stream, frame(2, bytes(4 * KIB)))
    client.turn(5)
    assert client.core.local_flow_control_window(stream) < 30 * KIB
    assert client.say(other, frame(9, b"free")) == [Pong(b"free")]
    for _ in range(15):
        assert network.run_until(server.sockets[0].receive()) == bytes(4 * KIB)
    client.turn(5)
    assert client.core.local_flow_control_window(stream) > 30 * KIB


def test_a_client_that_does_not_read_makes_us_wait(network: Network) -> None:
    server = Server(network)
    client = connected(network, server, reading=False)
    stream = client.ask()
    [socket] = server.sockets
    count = 0
    while socket.ready().called:
        socket.send(bytes(10 * KIB))
        count += 1
        client.turn(0.1)
    assert 10 < count < 20
    waiting = socket.ready()
    client.turn()
    assert not waiting.called
    client.core.increment_flow_control_window(1000 * KIB)
    client.core.increment_flow_control_window(1000 * KIB, stream)
    client.turn()
    assert waiting.called
    assert client.heard(stream) == [bytes(10 * KIB)] * count


def test_who_ends_the_stream_is_gone(network: Network) -> None:
    server = Server(network, echo)
    client = connected(network, server)
    stream = client.ask()
    assert client.say(stream, frame(1, b"last"), end=True) == ["last"]
    assert str(server.sockets[0].closed) == "1006"
    assert client.told(stream, StreamEnded)


def test_who_takes_the_stream_back_is_gone(network: Network) -> None:
    server = Server(network, echo)
    client = connected(network, server)
    stream, other = client.ask(), client.ask()
    client.core.reset_stream(stream, ErrorCodes.CANCEL)
    client.turn()
    assert [str(socket.closed) for socket in server.sockets] == ["1006", "None"]
    server.sockets[0].send("dropped")
    client.peer.close()
    network.run(1)
    assert [str(socket.closed) for socket in server.sockets] == ["1006", "1006"]
    assert other


def test_who_breaks_a_rule_loses_its_stream_alone(network: Network) -> None:
    client = connected(network, Server(network, echo))
    stream, other = client.ask(), client.ask()
    [ended] = client.say(stream, frame(3))
    assert isinstance(ended, Close)
    assert ended.code == 1002
    assert client.told(stream, StreamEnded)
    assert client.say(other, frame(1, b"a")) == ["a"]


def test_a_silent_client_is_asked_and_its_stream_cut(network: Network) -> None:
    server = Server(network, echo)
    client = connected(network, server)
    stream = client.ask()
    assert client.say(stream, seconds=21) == [Ping(b"")]
    client.turn(20)
    [reset] = client.told(stream, StreamReset)
    assert reset.error_code == ErrorCodes.CANCEL
    assert isinstance(server.sockets[0].closed, Closed)
    assert not client.peer.closed


def test_a_connection_of_silent_websockets_is_kept(network: Network) -> None:
    client = connected(network, Server(network, echo, limits=Limits(silence=None)))
    stream = client.ask()
    client.turn(1000)
    assert client.say(stream, frame(1, b"there")) == ["there"]


def test_a_drained_connection_closes_its_websockets(network: Network) -> None:
    server = Server(network, echo)
    client = connected(network, server)
    streams = [client.ask(), client.ask()]
    IDrainable(server.protocols[0]).drain()
    network.run(1)
    # After GOAWAY, h2 as a client reads and sends no more.
    going = frame(8, b"\x03\xe9", key=None)
    assert client.peer.received.endswith(b"".join(data_frame(stream, going) for stream in streams))
    for stream in streams:
        client.peer.send(data_frame(stream, frame(8, b"\x03\xe9")))
    network.run(1)
    assert client.peer.closed


def data_frame(stream: int, data: bytes) -> bytes:
    """A DATA frame."""
    return len(data).to_bytes(3) + b"\0\0" + stream.to_bytes(4) + data


@implementer(IPushProducer)
class Tap(Protocol):
    """Whatever a test does with a stream."""

    transport: Any

    def __init__(self) -> None:
        self.got = b""
        self.told: list[str] = []

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Any = None) -> None:
        self.told.append(reason.type.__name__)

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


@pytest.fixture
def tapped(network: Network) -> tuple[Client, Tap, int]:
    """A stream that was switched to a protocol in the hands of the test."""
    tap, server = Tap(), Server(network)
    done: list[int] = []

    def application(exchange: Exchange) -> None:
        exchange.when_done(lambda one: done.append(one.status))
        exchange.switch([(b"X-Tap", b"yes")], tap)

    server.reactor.listenTCP(8080, HTTPFactory(application, server.reactor))
    client = Client(network, server.dial(8080))
    stream = client.ask(protocol=None)
    assert client.head(stream)["x-tap"] == "yes"
    assert done == [200]
    return client, tap, stream


def test_a_tunnel_is_a_transport(tapped: tuple[Client, Tap, int], network: Network) -> None:
    client, tap, stream = tapped
    assert tap.transport.getPeer().host == "10.0.0.2"
    assert tap.transport.getHost().port == 8080
    tap.transport.writeSequence([b"a", b"b"])
    client.readers.pop(stream)
    client.core.send_data(stream, b"hello")
    client.turn()
    assert tap.got == b"hello"
    assert [event.data for event in client.told(stream, DataReceived)] == [b"ab"]
    tap.transport.pauseProducing()
    client.core.send_data(stream, b" world")
    client.turn()
    assert tap.got == b"hello"
    tap.transport.resumeProducing()
    assert tap.got == b"hello world"
    tap.transport.loseConnection()
    tap.transport.write(b"dropped")
    assert tap.told == []
    client.turn()
    assert tap.told == ["ConnectionDone"]
    assert client.told(stream, StreamEnded)


def test_a_producer_is_told_whether_there_is_room(tapped: tuple[Client, Tap, int], network: Network) -> None:
    client, tap, _ = tapped
    with pytest.raises(ValueError, match="push producers only"):
        tap.transport.registerProducer(tap, False)
    tap.transport.registerProducer(tap, True)
    tap.transport.write(bytes(50 * KIB))
    assert tap.told == []
    tap.transport.write(bytes(100 * KIB))
    assert tap.told == ["pause"]
    client.turn()
    assert tap.told == ["pause", "resume"]
    client.peer.reset()
    network.run(1)
    assert tap.told[2:] == ["stop", "ConnectionLost"]
    tap.transport.registerProducer(tap, True)
    assert tap.told[4:] == ["stop"]


def test_a_tunnel_can_be_cut(tapped: tuple[Client, Tap, int]) -> None:
    client, tap, stream = tapped
    tap.transport.abortConnection()
    tap.transport.abortConnection()
    assert tap.told == []
    client.turn()
    assert tap.told == ["ConnectionAborted"]
    [reset] = client.told(stream, StreamReset)
    assert reset.error_code == ErrorCodes.CANCEL
