"""Applications that the tests have served."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from netforge.plugin import Context, IMetrics, Task
from netforge.protocols.http import Exchange, HTTPError, path_of
from netforge.services.web.hosted import Hosted

__all__: list[str] = []

#: What happened.
said: list[str] = []


def show(exchange: Exchange) -> None:
    """Shows what an application is told."""
    path = path_of(exchange.request.target)[len(exchange.mount) :]
    exchange.respond(200, [(b"server", b"show")], f"{exchange.mount}|{path}|{exchange.user}".encode())


async def read(exchange: Exchange) -> None:
    """Says how long the body was."""
    length = 0
    while piece := await exchange.read():
        length += len(piece)
    exchange.respond(200, (), str(length).encode())


def refuse(exchange: Exchange) -> None:
    """Refuses."""
    raise HTTPError(409, "somebody <else> was faster", [(b"X-Who", b"them")])


async def break_later(exchange: Exchange) -> None:
    """Fails."""
    raise RuntimeError("a mistake")


def missing(exchange: Exchange) -> None:
    """Answers with an error of its own, in pieces."""
    exchange.begin(404, [(b"content-type", b"text/x-own"), (b"content-length", b"4"), (b"x-own", b"yes")])
    exchange.write(b"none")
    exchange.end()


async def hang(exchange: Exchange) -> None:
    """Never answers, and says how it ended."""
    try:
        await Deferred[None]()
    except Exception as error:
        said.append(type(error).__name__)
        raise


def decorate(exchange: Exchange) -> None:
    """Says by decorations what layers say too."""
    exchange.decorate(lambda status, headers: headers.append((b"X-Frame-Options", b"DENY")))
    exchange.decorate(lambda status, headers: headers.append((b"Strict-Transport-Security", b"max-age=1")))
    exchange.decorate(lambda status, headers: headers.append((b"Access-Control-Allow-Origin", b"*")))
    exchange.respond(200)


def refuse_afterwards(exchange: Exchange) -> None:
    """Refuses, as servers of other interfaces do: without anybody who waits for it."""
    exchange.clock.callLater(1, exchange.fail, Failure(HTTPError(409, "somebody <else> was faster")))


def forget(exchange: Exchange) -> None:
    """Never answers."""


async def trickle(exchange: Exchange) -> None:
    """Begins at once, and ends when the test says so."""
    exchange.begin(200)
    exchange.write(b"a")
    waiting.append(Deferred())
    await waiting[-1]
    exchange.end()


waiting: list[Deferred[None]] = []


def route(exchange: Exchange) -> None:
    """Has as many routes as there are paths."""
    exchange.route = path_of(exchange.request.target)
    exchange.respond(200)


class Application:
    """An application in a class."""

    show = staticmethod(show)


def make(context: Context) -> Hosted:
    """Makes an application that uses a shared component, with a task beside it."""
    visits = context[IMetrics].counter("netforge_test_visits_total", "Visits")

    def application(exchange: Exchange) -> None:
        visits.inc()
        exchange.respond(200, (), context.name.encode())

    return Hosted(application, [Task(lambda: said.append("start"), lambda: said.append("stop"))])


nothing = None


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """As WSGI has it (PEP 3333)."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode("latin-1")]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """As ASGI has it."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"{scope['root_path']}|{scope['path']}".encode()})


class Leaf(Resource):
    """As twisted.web has it."""

    isLeaf = True  # noqa: N815  twisted.web's

    def render_GET(self, request: Any) -> bytes:  # noqa: N802  twisted.web's
        """Answer."""
        return b"/".join([*request.prepath, b"|", *request.postpath])


resource = Leaf()
