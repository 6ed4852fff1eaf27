"""Streams between the two ends of a world, over TCP and over UNIX sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
    connectProtocol,
)
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint

from tests.testing.behaviours.recording import Recorder, Serving

if TYPE_CHECKING:
    from tests.testing.behaviours.worlds import World

__all__ = ["TCP", "UNIX", "Stream", "forgets_a_socket", "listen", "port_of", "settle"]


class Stream:
    """A kind of stream.

    :param world: where its ends are.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    async def listen(self, factory: IProtocolFactory) -> tuple[Any, IStreamClientEndpoint]:
        """Serve, and return what connects there."""
        raise NotImplementedError

    async def pair(self) -> tuple[Recorder, Recorder]:
        """A server's end and a client's, connected."""
        server, client = Recorder(self.world.client), Recorder(self.world.client)
        await self.join(server, client)
        return server, client

    async def join(self, server: Recorder, client: Recorder) -> None:
        """Connect these two, and wait until both are."""
        _, endpoint = await self.listen(Serving(self.world.client, lambda: server))
        await connectProtocol(endpoint, client)
        await server.happened("made")
        self.world.opened += [server, client]


class TCP(Stream):
    """Streams from one machine to the other."""

    async def listen(self, factory: IProtocolFactory) -> tuple[Any, IStreamClientEndpoint]:
        world = self.world
        port = await TCP4ServerEndpoint(world.server, 0, interface=world.host).listen(factory)
        return port, TCP4ClientEndpoint(world.client, world.host, port_of(port))


class UNIX(Stream):
    """Streams within the server's machine."""

    _number = 0

    async def listen(self, factory: IProtocolFactory) -> tuple[Any, IStreamClientEndpoint]:
        self._number += 1
        path = str(self.world.folder / f"{self._number}.sock")
        port = await UNIXServerEndpoint(self.world.server, path).listen(factory)
        return port, UNIXClientEndpoint(self.world.server, path)


def listen(world: World, factory: IProtocolFactory, number: int = 0, backlog: int = 50) -> Any:
    """Serve TCP at the world's host."""
    return world.server.listenTCP(number, factory, backlog, world.host)


def port_of(port: Any) -> int:
    """The number of a port that listens."""
    number: int = port.getHost().port
    return number


async def settle(world: World) -> None:
    """Let everything happen that is under way: to and fro on another connection takes no less time."""
    server, client = await TCP(world).pair()
    for size in range(1, 6):
        client.transport.write(b"?")
        await server.received(size)
        server.transport.write(b"!")
        await client.received(size)
    client.transport.loseConnection()
    await server.lost()


def forgets_a_socket(test: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a test after which Python complains of a socket that Twisted did not close."""
    ignored = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
    marked: Callable[..., Any] = pytest.mark.usefixtures("collected")(ignored(test))
    return marked
