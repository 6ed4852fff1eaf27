"""What only UNIX sockets do. What they share with TCP is tried with both."""

from __future__ import annotations

import pytest
from twisted.internet.address import UNIXAddress
from twisted.internet.endpoints import UNIXClientEndpoint, clientFromString, connectProtocol, serverFromString
from twisted.internet.error import CannotListenError, ConnectError, ConnectionDone
from twisted.internet.protocol import Protocol

from tests.testing.behaviours.recording import Attempts, Recorder, Serving
from tests.testing.behaviours.streams import forgets_a_socket, settle
from tests.testing.behaviours.worlds import World


@pytest.fixture
def path(world: World) -> str:
    """A path where nothing is."""
    return str(world.folder / "a.sock")


async def test_ends_know_the_path(world: World, path: str) -> None:
    server, client = Recorder(world.server), Recorder(world.server)
    serving = Serving(world.server, lambda: server)
    port = world.server.listenUNIX(path, serving)
    await connectProtocol(UNIXClientEndpoint(world.server, path), client)
    await server.happened("made")
    listening = UNIXAddress(path.encode())
    assert port.getHost() == listening
    assert client.transport.getPeer() == server.transport.getHost() == listening
    assert client.transport.getHost().name in (None, b"")
    assert server.transport.getPeer().name in (None, b"")
    assert serving.events[1][1].name in (None, b"")


async def test_a_factory_is_told_of_each_step(world: World, path: str) -> None:
    server, client = Recorder(world.server), Recorder(world.server)
    world.server.listenUNIX(path, Serving(world.server, lambda: server))
    factory = Attempts(world.server, lambda: client)
    connector = world.server.connectUNIX(path, factory)
    await server.happened("made")
    await client.happened("made")
    connector.disconnect()
    await factory.happened("lost")
    assert factory.events == [("started",), ("built", UNIXAddress(path.encode())), ("lost", ConnectionDone)]


async def test_where_nothing_is_nobody_answers(world: World, path: str) -> None:
    with pytest.raises(ConnectError, match="No such file"):
        await connectProtocol(UNIXClientEndpoint(world.server, path), Protocol())
    factory = Attempts(world.server, Protocol)
    world.server.connectUNIX(path, factory)
    await factory.happened("failed")
    assert factory.events == [("started",), ("failed", ConnectError)]


async def test_the_path_is_free_again_when_the_port_is_closed(world: World, path: str) -> None:
    for _ in range(2):
        factory = Serving(world.server, Protocol)
        port = world.server.listenUNIX(path, factory)
        await connectProtocol(UNIXClientEndpoint(world.server, path), Protocol())
        await factory.happened("built")
        await port.stopListening()
        with pytest.raises(ConnectError, match="No such file"):
            await connectProtocol(UNIXClientEndpoint(world.server, path), Protocol())


@forgets_a_socket
async def test_a_taken_path_cannot_be_listened_on(world: World, path: str) -> None:
    world.server.listenUNIX(path, Serving(world.server, Protocol))
    factory = Serving(world.server, Protocol)
    with pytest.raises(CannotListenError):
        world.server.listenUNIX(path, factory)
    # Unlike that of a TCP port, the factory was started before.
    assert factory.events == [("start",)]


async def test_a_full_backlog_fails_at_once(world: World, path: str) -> None:
    port = world.server.listenUNIX(path, Serving(world.server, Protocol), backlog=1)
    port.pauseProducing()
    endpoint = UNIXClientEndpoint(world.server, path)
    # Linux takes one more than it was told.
    for _ in range(2):
        await connectProtocol(endpoint, Protocol())
    third = connectProtocol(endpoint, Protocol())
    if world.on_asyncio:
        # It takes the kernel's word that the socket is hung up for leave to write, and tries again in every turn.
        await settle(world)
        assert not third.called
        port.resumeProducing()
        await third
    else:
        with pytest.raises(ConnectError):
            await third
    await port.stopListening()


async def test_endpoints_are_made_from_strings(world: World, path: str) -> None:
    server, client = Recorder(world.server), Recorder(world.server)
    await serverFromString(world.server, f"unix:{path}").listen(Serving(world.server, lambda: server))
    await connectProtocol(clientFromString(world.server, f"unix:{path}"), client)
    client.transport.write(b"hello")
    assert await server.received(5) == b"hello"
