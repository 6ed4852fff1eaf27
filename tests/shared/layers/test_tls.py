"""The layer TLS: where it stands, what it refuses, and what protocols behind it can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netforge.host.errors import ServiceFailed
from netforge.host.settings import SettingsError
from netforge.plugin import (
    Connection,
    Context,
    IDrainable,
    ILayer,
    LayerFactory,
    LayerProtocol,
    Listen,
    Listener,
    Parts,
    Settings,
    Stream,
    TLSPolicy,
    parse_address,
    service,
)
from netforge.shared.layers.tls import TLSKeys, tls
from netforge.testing import Network, Peer
from tests.shared.certificates.conftest import ECHO, Lax, Secure, Secured, handle, secured

__all__ = ["secured"]


@implementer(IHalfCloseableProtocol, IHandshakeListener, IDrainable)
class Talk(Protocol):
    """Says what happens to it."""

    transport: Any
    factory: Any

    def handshakeCompleted(self) -> None:
        state = Connection.of(self.transport).tls
        self.transport.write(f"agreed on {state.version if state else None}\n".encode())

    def dataReceived(self, data: bytes) -> None:
        if data == b"STARTTLS":
            self.transport.write(b"go on")
            self.transport.startTLS(self.factory.tls)
        else:
            self.transport.write(b"heard " + data)

    ends = 0

    def readConnectionLost(self) -> None:
        self.ends += 1
        self.transport.write(b", all of it")
        self.factory.clock.callLater(1, self.finish)

    def finish(self) -> None:
        self.transport.write(b", and so be it")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass

    def drain(self) -> None:
        self.transport.write(b"bye")
        self.transport.loseConnection()


class TalkFactory(ServerFactory):
    noisy = False
    protocol = Talk
    tls: Any = None

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock


class Layered(LayerFactory):
    """Has a layer before each protocol, as by a layer that stands behind TLS."""

    protocol = LayerProtocol


class TalkSettings(Settings):
    """Talks."""

    listen: Listen = Listen("tcp:7000")


@service("talk", TalkSettings)
def talk(settings: TalkSettings, context: Context) -> Parts:
    return [Stream(settings.listen, TalkFactory(context.clock))]


@service("layered", TalkSettings)
def layered(settings: TalkSettings, context: Context) -> Parts:
    return [Stream(settings.listen, Layered(TalkFactory(context.clock)))]


@pytest.fixture
def talking(secured: Secure) -> Callable[[str], Secured]:
    """Runs the service with these keys for its listener."""
    return lambda keys: secured(
        f'[services.talk]\nlisten = {{ address = "tcp:7000", limits = false, log = false, metrics = false, {keys} }}',
        plugins=[talk],
    )


def test_it_is_a_layer() -> None:
    verifyObject(ILayer, tls)
    assert not tls.active(TLSKeys())


def test_without_it_the_transport_talks_to_the_protocol_itself(talking: Any) -> None:
    host = talking("tls = false")
    plain = host.lab.connect("talk")
    plain.send(b"hello")
    assert plain.receive(11) == b"heard hello"
    assert [type(one) for one in protocols(host)] == [Talk]


def test_with_it_the_protocol_is_connected_to_tls(talking: Any) -> None:
    host = talking("tls = true")
    peer = host.connect(name="talk")
    assert peer.receive_until(b"\n") == b"agreed on TLSv1.3\n"
    [outermost] = protocols(host)
    assert isinstance(outermost, TLSMemoryBIOProtocol)
    assert type(outermost.wrappedProtocol) is Talk


def protocols(host: Secured) -> list[Any]:
    """What the transports of the service's connections talk to."""
    instance = host.lab.forge._tree._instances["talk"]
    return [transport.protocol for transport, _ in instance.connections._pairs()]


@pytest.mark.parametrize("plugin", [talk, layered], ids=["alone", "behind a layer"])
def test_a_protocol_hears_once_that_the_peer_has_said_all_and_may_answer(secured: Secure, plugin: Any) -> None:
    settings = f'[services.{plugin.name}]\nlisten = {{ address = "tcp:7000", tls = true }}'
    peer = secured(settings, plugins=[plugin]).connect(name=plugin.name)
    peer.receive_until(b"\n")
    # One segment: data, and that it was the last.
    handle(peer).send(b"hello")
    handle(peer).shutdown()
    peer._network.schedule.soon(peer._machine, peer._end.transport._flushSendBIO)
    assert peer.receive(22) == b"heard hello, all of it"
    assert peer.receive_all() == b", and so be it"
    assert not peer.cut


def test_a_protocol_hears_it_once_even_if_the_connection_is_lost_before_the_answer(talking: Any) -> None:
    host = talking("tls = true")
    peer = host.connect(name="talk")
    peer.receive_until(b"\n")
    [outermost] = protocols(host)
    protocol = outermost.wrappedProtocol
    handle(peer).shutdown()
    peer._do(peer._end.transport._flushSendBIO)
    peer.receive(len(", all of it"))
    peer.reset()
    host.lab.machine.network.run(2)
    assert (protocol.ends, protocols(host)) == (1, [])


def test_a_drain_reaches_the_protocol(talking: Any) -> None:
    host = talking("tls = true")
    peer = host.connect(name="talk")
    peer.receive_until(b"\n")
    assert host.lab.stop() < 1
    assert peer.receive_all() == b"bye"
    assert not peer.cut


def test_a_drain_ends_a_handshake_that_gets_nowhere(secured: Secure) -> None:
    host = secured(ECHO)
    peer = host.lab.connect("echo")
    assert host.lab.stop() < 1
    assert peer.receive_all() == b""
    assert peer.cut


def test_starttls_leaves_the_listener_in_plain_text_until_it_is_asked_for(talking: Any) -> None:
    host = talking('tls = "starttls"')
    peer = host.lab.connect("talk")
    peer.send(b"hello")
    assert peer.receive(11) == b"heard hello"
    [protocol] = protocols(host)
    assert type(protocol) is Talk
    assert Connection.of(protocol.transport).tls is None


def test_after_starttls_everything_is_as_with_tls(talking: Any) -> None:
    host = talking('tls = "starttls"')
    peer = host.lab.connect("talk")
    peer.send(b"STARTTLS")
    assert peer.receive(5) == b"go on"
    start_tls(peer, host.certificates.client("localhost", authorities="own"))
    assert peer.receive_until(b"\n") == b"agreed on TLSv1.3\n"
    peer.send(b"secret")
    assert peer.receive(12) == b"heard secret"
    peer._do(handle(peer).shutdown)
    peer._do(peer._end.transport.protocol._flushSendBIO)
    assert peer.receive_all() == b", all of it, and so be it"


def test_starttls_needs_a_certificate_where_tls_does(talking: Any) -> None:
    host = talking('tls = "starttls", tls_minimum = "1.3"')
    peer = host.lab.connect("talk")
    peer.send(b"STARTTLS")
    peer.receive(5)
    start_tls(peer, Lax(maximum=0x0303))
    assert peer.receive_all() == b""


def start_tls(peer: Any, creator: IOpenSSLClientConnectionCreator) -> None:
    peer._do(peer._end.transport.startTLS, creator)


def test_starttls_where_the_protocol_has_none_is_an_error(secured: Secure, network: Network) -> None:
    with pytest.raises(ServiceFailed, match="EchoFactory knows no STARTTLS: write tls = true"):
        secured('[services.echo]\nlisten = [{ address = "tcp:7", tls = "starttls" }]')
    network.failures.clear()


def test_starttls_is_given_to_the_services_own_factory_behind_any_layer(secured: Secure) -> None:
    context = secured(ECHO).context
    own = TalkFactory(context.clock)
    outer = Layered(own)
    listener = Listener(parse_address("tcp:1"), Stream(Listen("tcp:1"), own), context, lambda reason, on: None)
    assert tls.wrap_stream(outer, TLSKeys(tls="starttls"), listener) is outer
    assert own.tls.policy == TLSPolicy()


@pytest.mark.parametrize("value", ["true", '"starttls"'])
def test_tls_for_datagrams_is_an_error(secured: Secure, network: Network, value: str) -> None:
    with pytest.raises(ServiceFailed, match=r"udp:0.0.0.0:7: TLS is for streams, and this listener takes datagrams"):
        secured(f'[services.echo]\nlisten = [{{ address = "udp:7", tls = {value} }}]')
    network.failures.clear()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('certificate = "web"', "need tls = true"),
        ('tls_minimum = "1.3"', "need tls = true"),
        ('tls = true, client_certificates = "required"', "client_authority goes with"),
        ('tls = true, client_authority = "staff"', "client_authority goes with"),
        ('tls = "maybe"', "starttls"),
        ('tls = true, tls_minimum = "1.1"', "expected '1.2' or '1.3'"),
    ],
)
def test_keys_that_do_not_fit_are_told_of(talking: Any, keys: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        talking(keys)


def test_it_works_over_unix_sockets(secured: Secure, tmp_path: Path) -> None:
    host = secured('[services.talk]\nlisten = { address = "unix:talk.sock", tls = true }', plugins=[talk])
    machine = host.lab.machine
    endpoint = UNIXClientEndpoint(machine.reactor, str(tmp_path / "talk.sock"))
    peer = Peer(machine, wrapClientTLS(host.certificates.client("localhost", authorities="own"), endpoint))
    assert peer.receive_until(b"\n") == b"agreed on TLSv1.3\n"
    peer.close()
