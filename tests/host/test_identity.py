"""With all layers off nothing stands between transport and protocol; ``Connection.of`` sees through layers."""

from __future__ import annotations

import gc
import socket
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport

from netforge.plugin import Connection
from tests.host.passing import passing

if TYPE_CHECKING:
    from tests.conftest import Drive
    from tests.host.conftest import Stage

PLAIN = '[services.a]\nservice = "actor"\nlisten = ["tcp:1001"]'
PASSED = '[services.a]\nservice = "half"\nlisten = [{ address = "tcp:1001", passing = true }]'


def test_the_transport_talks_to_the_very_protocol_that_the_factory_built(stage: Stage) -> None:
    stage.start(PLAIN)
    peer = stage.reactor.port(1001).connect()
    assert [peer.protocol] == stage.factories["a1"].built
    received: Any = peer.protocol.dataReceived
    assert received.__self__ is peer.protocol
    assert received.__func__ is type(peer.protocol).dataReceived
    assert peer.send(b"hello") == b"a1:hello"


def test_nothing_of_the_host_is_left_on_the_protocol_but_connectionlost(stage: Stage) -> None:
    stage.start(PLAIN)
    peer = stage.reactor.port(1001).connect()
    assert vars(peer.protocol).keys() - {"factory", "transport", "connected"} == {"connectionLost"}
    peer.close()
    assert vars(peer.protocol).keys() == {"factory", "transport", "connected"}


def test_a_layer_that_is_off_is_not_there(stage: Stage) -> None:
    stage.layers.append(passing)
    stage.start(PLAIN)
    assert [stage.reactor.port(1001).connect().protocol] == stage.factories["a1"].built


def test_a_layer_that_is_on_wraps_the_protocol_and_names_it(stage: Stage) -> None:
    stage.layers.append(passing)
    stage.start(PASSED)
    peer = stage.reactor.port(1001).connect()
    outer: Any = peer.protocol
    assert [outer.wrappedProtocol] == stage.factories["a1"].built
    assert peer.send(b"hello") == b"a1:hello"


def test_a_peer_may_end_its_side_through_a_layer(stage: Stage) -> None:
    stage.layers.append(passing)
    stage.start(PASSED)
    peer = stage.reactor.port(1001).connect()
    peer.end()
    stage.reactor.turn()
    assert peer.value() == b"bye"
    assert peer.lost is not None


def test_connection_of_tells_where_a_connection_belongs(stage: Stage) -> None:
    stage.start(PLAIN)
    peers = [stage.reactor.port(1001).connect() for _ in range(3)]
    connections = [Connection.of(peer) for peer in peers]
    assert len({one.id for one in connections}) == 3
    for one in connections:
        assert (one.service, one.listener) == ("a", "tcp:0.0.0.0:1001")
        assert one.peer == IPv4Address("TCP", "192.0.2.1", 50_000)
        assert one.host == IPv4Address("TCP", "0.0.0.0", 1001)
        assert (one.tls, one.identity) == (None, None)
    assert Connection.of(peers[0]) is connections[0]


def test_connection_of_is_the_same_inside_and_outside_of_a_layer(stage: Stage) -> None:
    stage.layers.append(passing)
    stage.start(PASSED)
    peer = stage.reactor.port(1001).connect()
    [inner] = stage.factories["a1"].built
    assert inner.transport is not peer
    assert Connection.of(inner.transport) is Connection.of(peer)
    assert Connection.of(inner.transport).service == "a"


def test_outside_a_host_connection_of_knows_the_addresses_alone() -> None:
    transport = StringTransport()
    connection = Connection.of(transport)
    assert (connection.id, connection.service, connection.listener) == ("-", "", "")
    assert connection.peer == transport.getPeer()
    assert Connection.of(transport) is connection


def test_a_connection_ends_with_its_transport(stage: Stage) -> None:
    stage.start(PLAIN)
    peer = stage.reactor.port(1001).connect()
    known = len(Connection._known)
    peer.close()
    stage.factories["a1"].built.clear()
    del peer
    gc.collect()
    assert len(Connection._known) < known


def test_a_stop_does_not_wait_for_a_connection_that_was_handed_to_another_protocol(stage: Stage) -> None:
    forge = stage.start(PLAIN)
    peer = stage.reactor.port(1001).connect()
    other: Any = type(peer.protocol)
    peer.protocol, stage.factories["a1"].built[:] = other(), []
    peer.close()
    del peer
    gc.collect()
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)


@pytest.mark.real
@pytest.mark.parametrize("listen", ["tcp:127.0.0.1:0", "unix:a.sock"])
def test_the_same_on_real_sockets(stage: Stage, drive_each: Drive, listen: str) -> None:
    async def scenario(reactor: Any) -> None:
        forge = stage.forge(f'[services.a]\nservice = "actor"\nlisten = ["{listen}"]', reactor)
        forge.startService()
        await forge.when_ready()
        with client(forge.serving[0].address):
            while not any(protocol.connected for protocol in stage.factories["a1"].built):
                await deferLater(reactor, 0)
            [protocol] = stage.factories["a1"].built
            transport: Any = protocol.transport
            assert transport in reactor.getReaders()
            assert transport.protocol is protocol
            assert transport.protocol.dataReceived == protocol.dataReceived
            assert Connection.of(transport).service == "a"
            forge.cut()
            await forge.stopService()

    drive_each(scenario)


def client(address: str) -> socket.socket:
    """A connection to an address as ``serving`` gives it."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.connect(rest)
        return made
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=10)
