"""WebSocket for servers and clients (RFC 6455), compressed (RFC 7692), and over HTTP/2 for servers (RFC 8441).

A server is an application of :mod:`netforge.protocols.http`::

    async def application(exchange: Exchange) -> None:
        async with accept(exchange, clock=reactor) as socket:
            async for message in socket:
                socket.send(message)
                await socket.ready()

A client::

    async with await connect(endpoint, "ws://example.org/", clock=reactor) as socket:
        socket.send("hello")
        print(await socket.receive())
"""

from netforge.protocols.websocket.client import connect
from netforge.protocols.websocket.errors import CloseCode, Closed, Refused
from netforge.protocols.websocket.limits import Limits
from netforge.protocols.websocket.server import accept, is_websocket, offered
from netforge.protocols.websocket.socket import WebSocket

__all__ = ["CloseCode", "Closed", "Limits", "Refused", "WebSocket", "accept", "connect", "is_websocket", "offered"]
