"""Machines are reached by name."""

from __future__ import annotations

import pytest
from twisted.internet.endpoints import HostnameEndpoint, clientFromString, connectProtocol, serverFromString
from twisted.internet.error import (
    ConnectionRefusedError,  # noqa: A004  Twisted's
    DNSLookupError,
)
from twisted.internet.protocol import Protocol

from tests.testing.behaviours.recording import Attempts, Recorder, Serving
from tests.testing.behaviours.streams import port_of
from tests.testing.behaviours.worlds import World

#: What no resolver knows (RFC 6761, section 6.4).
UNKNOWN = "nobody.invalid"


async def test_localhost_is_this_machine(world: World) -> None:
    server = Recorder(world.client)
    port = world.client.listenTCP(0, Serving(world.client, lambda: server), interface="127.0.0.1")
    client = Recorder(world.client)
    await connectProtocol(HostnameEndpoint(world.client, "localhost", port_of(port)), client)
    client.transport.write(b"hello")
    assert await server.received(5) == b"hello"
    assert client.transport.getPeer() == port.getHost()


async def test_a_factory_connects_to_a_name(world: World) -> None:
    serving = Serving(world.client, lambda: Recorder(world.client))
    port = world.client.listenTCP(0, serving, interface="127.0.0.1")
    factory = Attempts(world.client, lambda: Recorder(world.client))
    connector = world.client.connectTCP("localhost", port_of(port), factory)
    await factory.happened("built")
    await serving.happened("built")
    assert connector.getDestination().host == "localhost"
    assert factory.events == [("started",), ("built", port.getHost())]


async def test_an_address_is_a_name_too(world: World) -> None:
    port = world.server.listenTCP(0, Serving(world.client, Protocol), interface=world.host)
    client = Recorder(world.client)
    await connectProtocol(HostnameEndpoint(world.client, world.host, port_of(port)), client)
    assert client.transport.getPeer() == port.getHost()


async def test_endpoints_are_made_from_strings(world: World) -> None:
    server, client = Recorder(world.client), Recorder(world.client)
    described = serverFromString(world.server, f"tcp:0:interface={world.host}")
    port = await described.listen(Serving(world.client, lambda: server))
    await connectProtocol(clientFromString(world.client, f"tcp:{world.host}:{port_of(port)}"), client)
    client.transport.write(b"hello")
    assert await server.received(5) == b"hello"


async def test_a_name_where_nothing_listens_refuses(world: World) -> None:
    port = world.client.listenTCP(0, Serving(world.client, Protocol), interface="127.0.0.1")
    number = port_of(port)
    await port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        await connectProtocol(HostnameEndpoint(world.client, "localhost", number), Protocol())


async def test_an_unknown_name_is_an_error(world: World) -> None:
    with pytest.raises(DNSLookupError):
        await connectProtocol(HostnameEndpoint(world.client, UNKNOWN, 7), Protocol())
    factory = Attempts(world.client, Protocol)
    world.client.connectTCP(UNKNOWN, 7, factory)
    await factory.happened("failed")
    assert factory.events == [("started",), ("failed", DNSLookupError)]


async def test_names_are_resolved(world: World) -> None:
    assert await world.client.resolve("localhost") == "127.0.0.1"
    assert await world.client.resolve("192.0.2.1") == "192.0.2.1"
    with pytest.raises(DNSLookupError):
        await world.client.resolve(UNKNOWN)
