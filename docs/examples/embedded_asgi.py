"""A Starlette application in a Twisted program."""

import sys
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

import netforge.reactor
from netforge.protocols.http import HTTPFactory
from netforge.services.web.asgi import ASGIApplication


async def hello(request: Request) -> PlainTextResponse:
    """Say hello."""
    return PlainTextResponse("hello\n")


async def serve(reactor: Any, port: str = "8080") -> None:
    """Serve until somebody ends the program."""
    application = ASGIApplication(Starlette(routes=[Route("/", hello)]), reactor.loop, reactor)
    await application.start()
    reactor.addSystemEventTrigger("before", "shutdown", application.stop)
    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    listening = await endpoint.listen(HTTPFactory(application, reactor))
    print(listening.getHost(), flush=True)
    await Deferred()


if __name__ == "__main__":
    netforge.reactor.install()
    react(lambda reactor, *port: Deferred.fromCoroutine(serve(reactor, *port)), sys.argv[1:])
