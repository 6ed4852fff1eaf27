"""An HTTP server in a Twisted program: one factory for HTTP/1.1 and HTTP/2."""

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from netforge.protocols.http import Exchange, HTTPError, HTTPFactory


async def count(exchange: Exchange) -> None:
    """Read what is uploaded, piece by piece, and say how much it was."""
    size = 0
    while piece := await exchange.read():
        size += len(piece)
    exchange.respond(200, [(b"content-type", b"text/plain")], b"%d bytes\n" % size)


async def numbers(exchange: Exchange) -> None:
    """Say much, no faster than the client reads."""
    exchange.begin(200, [(b"content-type", b"text/plain")])
    for number in range(100_000):
        await exchange.ready()
        exchange.write(b"%d\n" % number)
    exchange.end()


async def application(exchange: Exchange) -> None:
    """Is called with each request as soon as its head is there."""
    match exchange.request.method, exchange.request.target:
        case "GET", "/":
            exchange.respond(200, [(b"content-type", b"text/plain")], b"hello\n")
        case "POST", "/count":
            await count(exchange)
        case "GET", "/numbers":
            await numbers(exchange)
        case _:
            raise HTTPError(404, "there are /, /count and /numbers")


async def serve(reactor: Any, port: str = "8080") -> None:
    """Serve until somebody ends the program."""
    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    listening = await endpoint.listen(HTTPFactory(application, reactor))
    print(listening.getHost(), flush=True)
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor, *port: Deferred.fromCoroutine(serve(reactor, *port)), sys.argv[1:])
