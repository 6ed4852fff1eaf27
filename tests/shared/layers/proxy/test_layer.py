"""The layer on the simulated network: who the client is, and who may be a proxy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent
from zope.interface.verify import verifyObject

from netforge.host import ServiceFailed
from netforge.host.settings import SettingsError
from netforge.plugin import Connection, Context, Field, ILayer, Listen, Parts, Settings, Stream, service
from netforge.protocols.proxyheader import Endpoint, Header, encode_v1, encode_v2
from netforge.shared.layers.proxy import proxy
from netforge.testing import Lab, Network

if TYPE_CHECKING:
    from netforge.testing.pytest_plugin import MakeLab

CLIENT, SERVER = Endpoint("203.0.113.7", 50_000), Endpoint("198.51.100.1", 443)
V1, V2 = encode_v1(Header(CLIENT, SERVER)), encode_v2(Header(CLIENT, SERVER), checksum=True)
LISTEN = '[services.who]\nlisten = [{{ address = "{}", {} }}]\n'
ANYBODY = 'proxy_from = ["10.0.0.0/8"], limits = false'


class WhoSettings(Settings):
    """Tells who asks."""

    listen: list[Listen] = Field([], description="where")


class Who(Protocol):
    """Speaks first, then sends back what it gets."""

    transport: Any

    def connectionMade(self) -> None:
        peer, host, connection = self.transport.getPeer(), self.transport.getHost(), Connection.of(self.transport)
        assert (connection.peer, connection.host) == (peer, host)
        assert self.factory.asked == peer
        self.transport.write(f"{_shown(peer)} at {_shown(host)}\n".encode())

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


def _shown(address: Any) -> str:
    assert isinstance(address, IPv4Address | IPv6Address)
    return f"{address.host}:{address.port}"


class WhoFactory(Factory):
    """Remembers whom it was asked to build for."""

    noisy = False
    asked: Any = None

    def buildProtocol(self, addr: Any) -> Who:
        self.asked, built = addr, Who()
        built.factory = self
        return built


@service("who", WhoSettings)
def who(settings: WhoSettings, context: Context) -> Parts:
    return [Stream(listen, WhoFactory()) for listen in settings.listen]


@pytest.fixture
def serve(lab: MakeLab) -> Callable[..., Lab]:
    def serve(keys: str = ANYBODY, address: str = "tcp:1001") -> Lab:
        return lab(LISTEN.format(address, keys), plugins=[who])

    return serve


TOLD = b"203.0.113.7:50000 at 198.51.100.1:443\n"


def test_it_is_a_layer() -> None:
    assert verifyObject(ILayer, proxy)


@pytest.mark.parametrize("header", [V1, V2], ids=["1", "2"])
def test_the_service_sees_the_client(serve: Callable[..., Lab], header: bytes) -> None:
    peer = serve().connect("who")
    peer.send(header)
    assert peer.receive(len(TOLD)) == TOLD
    peer.send(b"hello")
    assert peer.receive(5) == b"hello"


def test_what_comes_with_the_header_goes_on(serve: Callable[..., Lab]) -> None:
    peer = serve().connect("who")
    peer.send(V1 + b"hello")
    assert peer.receive(len(TOLD) + 5) == TOLD + b"hello"


def test_a_client_over_ipv6(serve: Callable[..., Lab]) -> None:
    peer = serve().connect("who")
    peer.send(encode_v2(Header(Endpoint("2001:db8::1", 1), Endpoint("2001:db8::2", 2))))
    assert peer.receive(31) == b"2001:db8::1:1 at 2001:db8::2:2\n"


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", encode_v2(Header())], ids=["unknown", "local"])
def test_a_proxy_that_speaks_for_itself_is_the_peer(serve: Callable[..., Lab], network: Network, header: bytes) -> None:
    peer = serve().connect("who")
    peer.send(header)
    network.run(1)
    assert peer.received.startswith(network.machine("client").address.encode())
    assert peer.received.endswith(f"at {network.machine('server').address}:1001\n".encode())


def test_nothing_is_built_before_the_header_is_whole(serve: Callable[..., Lab], network: Network) -> None:
    peer = serve().connect("who")
    peer.send(V2[:-1])
    network.run(4)
    assert (peer.received, peer.closed) == (b"", False)
    peer.send(V2[-1:])
    assert peer.receive(len(TOLD)) == TOLD


def test_a_header_that_is_late_is_too_late(serve: Callable[..., Lab], network: Network, events: list[LogEvent]) -> None:
    peer = serve().connect("who")
    peer.send(V1[:10])
    network.run(6)
    assert peer.cut
    [event] = [event for event in events if event.get("event") == "refused"]
    assert (event["reason"], event["listener"]) == ("late", "tcp:0.0.0.0:1001")


def test_who_has_sent_the_header_may_be_silent(serve: Callable[..., Lab], network: Network) -> None:
    peer = serve().connect("who")
    peer.send(V1)
    network.run(600)
    assert not peer.closed


def test_what_is_no_header_is_cut_at_once(serve: Callable[..., Lab], network: Network, events: list[LogEvent]) -> None:
    peer = serve().connect("who")
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    network.run(1)
    assert peer.cut
    assert peer.received == b""
    [event] = [event for event in events if event.get("event") == "refused"]
    assert "GET /" in event["why"]


def test_who_is_no_proxy_is_refused_whatever_it_sends(
    serve: Callable[..., Lab], network: Network, events: list[LogEvent]
) -> None:
    running = serve('proxy_from = ["192.0.2.0/24", "2001:db8::/32"], limits = false')
    for _ in range(5):
        peer = running.connect("who")
        network.run(1)
        assert peer.closed
        assert peer.received == b""
    refused = [event for event in events if event.get("event") == "refused"]
    assert [(event["reason"], event["times"]) for event in refused] == [("untrusted", 1)]
    network.run(60)
    running.connect("who")
    network.run(1)
    assert [event["times"] for event in events if event.get("event") == "refused"] == [1, 5]


def test_a_proxy_on_a_unix_socket_is_trusted_by_a_word(serve: Callable[..., Lab], network: Network) -> None:
    running = serve('proxy_from = ["unix"], limits = false', "unix:a.sock")
    peer = running.connect("who")
    peer.send(V1)
    assert peer.receive(len(TOLD)) == TOLD


def test_a_proxy_on_a_unix_socket_is_not_trusted_without_it(serve: Callable[..., Lab], network: Network) -> None:
    peer = serve('proxy_from = ["0.0.0.0/0", "::/0"], limits = false', "unix:a.sock").connect("who")
    network.run(1)
    assert peer.closed


def test_limits_count_the_client_and_not_the_proxy(serve: Callable[..., Lab], network: Network) -> None:
    running = serve('proxy_from = ["10.0.0.0/8"], limits.connections = [1, 0, 0]')

    def connect(client: str) -> bytes:
        peer = running.connect("who")
        peer.send(encode_v1(Header(Endpoint(client, 1), SERVER)))
        network.run(1)
        assert peer.closed is (not peer.received)
        return peer.received

    assert connect("203.0.113.1")
    assert connect("203.0.113.2")
    assert not connect("203.0.113.1")


def test_a_client_that_ends_before_its_header_leaves_nothing(serve: Callable[..., Lab], network: Network) -> None:
    running = serve()
    peer = running.connect("who")
    peer.send(V1[:10])
    peer.close()
    network.run(1)
    assert running.stop() < 1


def test_a_drain_reaches_the_service_through_the_layer(lab: MakeLab, network: Network) -> None:
    running = lab('[services.echo]\nlisten = [{ address = "tcp:1001", proxy_from = ["10.0.0.0/8"] }]')
    peer = running.connect("echo")
    peer.send(V1 + b"hello")
    assert peer.receive(5) == b"hello"
    assert running.stop() < 1


def test_a_client_may_end_its_side_through_the_layer(lab: MakeLab, network: Network) -> None:
    running = lab('[services.echo]\nlisten = [{ address = "tcp:1001", proxy_from = ["10.0.0.0/8"] }]')
    peer = running.connect("echo")
    peer.send(V1 + b"hello" * 1000)
    peer.end()
    assert peer.receive(5000) == b"hello" * 1000


def test_datagrams_have_no_header(lab: MakeLab, network: Network) -> None:
    with pytest.raises(ServiceFailed, match="proxy_from is for streams, not for datagrams"):
        lab('[services.echo]\nlisten = [{ address = "udp:1001", proxy_from = ["10.0.0.0/8"] }]')
    network.failures.clear()


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", "UNIX"])
def test_what_is_no_network_is_said(serve: Callable[..., Lab], wrong: str) -> None:
    with pytest.raises(SettingsError, match="expected networks such as"):
        serve(f'proxy_from = ["{wrong}"]')


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_chunking_of_header_and_data_gives_the_same(data: st.DataObject) -> None:
    with Network() as network:
        said = data.draw(st.sampled_from([V1, V2])) + b"hello" * 10
        cuts = sorted(data.draw(st.sets(st.integers(1, len(said) - 1), max_size=6)))
        with TemporaryDirectory() as folder:
            running = Lab(network.machine("server"), LISTEN.format("tcp:1001", ANYBODY), Path(folder), plugins=[who])
            peer = running.connect("who")
            for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
                peer.send(said[start:end])
                network.run(0.01)
            assert peer.received == TOLD + b"hello" * 10
            running.stop()
