"""``Connection``: one for each accepted connection, whichever layer asks."""

from __future__ import annotations

import gc
from weakref import ref

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from netforge.plugin import Connection, TLSState

PEER = IPv4Address("TCP", "192.0.2.1", 50_000)
HOST = IPv4Address("TCP", "192.0.2.2", 7)


def transport() -> StringTransport:
    return StringTransport(HOST, PEER)


def wrapped(lowest: StringTransport, depth: int) -> Protocol:
    """A protocol on a transport, with layers between."""
    innermost = protocol = Protocol()
    for _ in range(depth):
        protocol = ProtocolWrapper(WrappingFactory(Factory()), protocol)
    protocol.makeConnection(lowest)
    return innermost


def test_a_connection_outside_a_host_knows_its_two_ends() -> None:
    connection = Connection.of(transport())
    assert (connection.id, connection.peer, connection.host) == ("-", PEER, HOST)
    assert (connection.service, connection.listener, connection.tls, connection.identity) == ("", "", None, None)


def test_a_transport_has_one_connection_and_another_transport_another() -> None:
    lowest = transport()
    assert Connection.of(lowest) is Connection.of(lowest)
    assert Connection.of(lowest) is not Connection.of(transport())


def test_every_layer_sees_the_same_connection() -> None:
    for depth in range(4):
        lowest = transport()
        begun = Connection.begin(lowest, "7", "echo", "tcp:7")
        innermost = wrapped(lowest, depth).transport
        assert innermost is not None
        assert Connection.of(innermost) is begun


def test_what_a_layer_finds_out_is_seen_by_all() -> None:
    lowest = transport()
    innermost = wrapped(lowest, 2).transport
    assert innermost is not None
    Connection.of(innermost).tls = TLSState("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="example.org")
    Connection.of(lowest).identity = "alice"
    connection = Connection.of(innermost)
    assert connection.tls is not None
    assert (connection.tls.version, connection.tls.alpn, connection.tls.server_name) == ("TLSv1.3", None, "example.org")
    assert connection.identity == "alice"


def test_a_host_begins_a_connection_with_what_it_knows() -> None:
    lowest = transport()
    assert Connection.begin(lowest, "7", "echo", "tcp:127.0.0.1:7007") is Connection.of(lowest)
    connection = Connection.of(lowest)
    assert (connection.id, connection.service, connection.listener) == ("7", "echo", "tcp:127.0.0.1:7007")
    assert (connection.peer, connection.host) == (PEER, HOST)


def test_a_connection_is_forgotten_with_its_transport() -> None:
    lowest = transport()
    connection = ref(Connection.of(lowest))
    assert connection() is not None
    del lowest
    gc.collect()
    assert connection() is None
