"""Say something in the room, and print what is heard there until it was heard."""

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import react

from netforge.protocols.websocket import connect


async def talk(reactor: Any, port: str, text: str) -> None:
    """Connect, talk and close."""
    endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{port}")
    async with await connect(endpoint, f"ws://127.0.0.1:{port}/room", clock=reactor) as socket:
        socket.send(text)
        async for message in socket:
            print(message)
            if message == text:
                break


if __name__ == "__main__":
    react(lambda reactor, port, text: Deferred.fromCoroutine(talk(reactor, port, text)), sys.argv[1:])
