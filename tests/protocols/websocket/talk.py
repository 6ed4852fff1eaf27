"""A server of WebSocket on the simulated network, and clients that send what a test wants, right or wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.protocols.websocket import WebSocket, accept
from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket.events import Event
from netforge.testing import Network
from netforge.testing.fixtures.peer import Peer

__all__ = ["REQUEST", "Client", "Server", "echo"]

REQUEST = {
    "host": "example.org",
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def echo(socket: WebSocket) -> None:
    """Say everything again."""
    async for message in socket:
        socket.send(message)
        await socket.ready()


class Server:
    """A server on the simulated network.

    :param talk: what is done with each WebSocket. Without one, they are left to the test.
    :param options: those of ``accept``.
    :ivar sockets: every one that was accepted.
    """

    def __init__(self, network: Network, talk: Callable[[WebSocket], Any] | None = None, **options: Any) -> None:
        self.network = network
        self.sockets: list[WebSocket] = []
        self.protocols: list[Any] = []
        self.talk = talk
        self.options = options
        self.reactor = network.machine("server").reactor
        protocols = self.protocols

        class Factory(HTTPFactory):
            def buildProtocol(self, addr: Any) -> Any:
                protocols.append(super().buildProtocol(addr))
                return protocols[-1]

        self.reactor.listenTCP(80, Factory(self.application, self.reactor))

    async def application(self, exchange: Exchange) -> None:
        socket = accept(exchange, clock=self.reactor, **self.options)
        self.sockets.append(socket)
        if self.talk is not None:
            async with socket:
                await self.talk(socket)

    def dial(self, port: int = 80) -> Peer:
        """A client that has said nothing yet."""
        machine = self.network.machine("client")
        return Peer(machine, HostnameEndpoint(machine.reactor, "server", port))

    def ask(
        self, fields: dict[str, str | None] | None = None, method: str = "GET", port: int = 80, version: str = "1.1"
    ) -> Peer:
        """A client that has asked for a WebSocket, with some fields in place of the right ones."""
        peer = self.dial(port)
        said = {name: value for name, value in (REQUEST | (fields or {})).items() if value is not None}
        lines = [f"{method} /chat HTTP/{version}", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        peer.send("\r\n".join(lines).encode())
        return peer

    def connect(self, fields: dict[str, str | None] | None = None) -> Client:
        """A client that has been accepted."""
        return Client(self.network, self.ask(fields))


class Client:
    """A client that has been accepted.

    :ivar head: the head of the server's answer.
    """

    def __init__(self, network: Network, peer: Peer) -> None:
        self.network = network
        self.peer = peer
        self.head = peer.receive_until(b"\r\n\r\n").decode().lower()
        assert self.head.startswith("http/1.1 101 "), self.head
        self._reader = MessageReader(masked=False, most=64 * 1024 * 1024)

    def say(self, *frames: bytes, seconds: float = 0.1) -> list[Event]:
        """Send something, and return what comes back within a while."""
        if frames:
            self.peer.send(b"".join(frames))
        self.network.run(seconds)
        return self.heard()

    def heard(self) -> list[Event]:
        """What has come and was not yet asked for."""
        self._reader.receive_data(self.peer.receive(len(self.peer.received)))
        return list(iter(self._reader.next_event, None))
