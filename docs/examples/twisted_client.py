"""Talk to the small services with netforge's clients, in a Twisted program."""

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import react

from netforge.protocols.echo import echo, exchange


async def ask(reactor: Any, port: int) -> None:
    """Ask over TCP, then over UDP."""
    endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{port}")
    print(await echo(endpoint, b"hello", reactor, timeout=5))
    print(await exchange(reactor, "127.0.0.1", port, b"hello", reactor, timeout=5))


if __name__ == "__main__":
    react(lambda reactor, port: Deferred.fromCoroutine(ask(reactor, int(port))), sys.argv[1:])
