"""A room in a Twisted program: what one WebSocket says, all of them hear."""

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from netforge.protocols.http import Exchange, HTTPError, HTTPFactory
from netforge.protocols.websocket import WebSocket, accept


async def serve(reactor: Any, port: str = "8080") -> None:
    """Serve until somebody ends the program."""
    room: set[WebSocket] = set()

    async def application(exchange: Exchange) -> None:
        if exchange.request.target != "/room":
            raise HTTPError(404, "there is /room")
        async with accept(exchange, clock=reactor) as socket:
            room.add(socket)
            socket.when_closed(lambda _: room.discard(socket))
            async for message in socket:
                for listener in room:
                    listener.send(message)
                # Who says much waits until it has read what was said.
                await socket.ready()

    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    listening = await endpoint.listen(HTTPFactory(application, reactor))
    print(listening.getHost(), flush=True)
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor, *port: Deferred.fromCoroutine(serve(reactor, *port)), sys.argv[1:])
