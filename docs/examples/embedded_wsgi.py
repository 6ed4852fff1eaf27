"""A Flask application in a Twisted program."""

import sys
from typing import Any

from flask import Flask
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from netforge.protocols.http import HTTPFactory
from netforge.services.web.wsgi import WSGIApplication

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Say hello."""
    return "hello\n"


async def serve(reactor: Any, port: str = "8080") -> None:
    """Serve until somebody ends the program."""
    application = WSGIApplication(app, reactor, threads=4)
    application.start()
    reactor.addSystemEventTrigger("during", "shutdown", application.stop)
    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    listening = await endpoint.listen(HTTPFactory(application, reactor))
    print(listening.getHost(), flush=True)
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor, *port: Deferred.fromCoroutine(serve(reactor, *port)), sys.argv[1:])
