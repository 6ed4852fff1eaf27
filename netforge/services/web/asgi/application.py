"""``ASGIApplication``: an application of ASGI 3 for our server."""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop, Task, _get_running_loop, wait
from collections.abc import Collection, Coroutine
from functools import partial
from typing import Any, Literal

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.protocols.http import Exchange
from netforge.protocols.websocket import is_websocket, offered
from netforge.services.web.asgi.http import HTTP_EXTENSIONS, HTTPDialogue
from netforge.services.web.asgi.lifespan import Lifespan
from netforge.services.web.asgi.messages import ASGIApp, Scope
from netforge.services.web.asgi.scope import scope_of
from netforge.services.web.asgi.websocket import WEBSOCKET_EXTENSIONS, WebSocketDialogue

__all__ = ["ASGIApplication"]

log = Logger()

#: Seconds for what still runs when the last client is gone, such as tasks in the background, before it is cancelled;
#: and as many for it to end then.
GRACE = 5.0


def begun(coroutine: Coroutine[Any, Any, None], loop: AbstractEventLoop) -> Task[None]:
    """A task. Where Python can do that, it begins at once, and most are done then."""
    if sys.version_info >= (3, 12) and _get_running_loop() is loop:
        return Task(coroutine, loop=loop, eager_start=True)
    return loop.create_task(coroutine)


class ASGIApplication:
    """Runs an application of ASGI 3, such as one of Starlette's, FastAPI's, Quart's or Django's.

    Each request is a task of the asyncio loop. When a client goes away, its request is told so and not cancelled. When
    somebody else has answered it, as at a deadline, it is cancelled.

    :param app: the application. May be set until :meth:`start`.
    :param loop: the asyncio loop that runs on the reactor.
    :param clock: what the silence of WebSockets is measured by, such as the reactor.
    :param lifespan: ``on`` if the application has to be told that it starts and stops, ``off`` if not; ``auto`` tries,
        and takes an error that is not its answer as a no.
    :param origins: the origins whose pages may open a WebSocket, such as ``https://example.org``; ``*`` for all of
        them. By default those of the host that is asked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        loop: AbstractEventLoop,
        clock: IReactorTime,
        *,
        lifespan: Literal["auto", "on", "off"] = "auto",
        origins: Collection[str] | None = None,
    ) -> None:
        self.app = app
        self._loop = loop
        self._clock = clock
        self._support = lifespan
        self._origins = origins
        self._lifespan: Lifespan | None = None
        self._state: dict[str, object] = {}
        self._running: dict[HTTPDialogue | WebSocketDialogue, Task[None]] = {}

    def start(self) -> Deferred[None]:
        """Start the application: to be called in the running reactor, before the first request.

        :raises RuntimeError: through the Deferred, if it cannot start, with the reason that it gives.
        """
        return Deferred.fromFuture(self._loop.create_task(self._start()))

    def stop(self) -> Deferred[None]:
        """Stop the application, after the last request: once what still runs has ended, or was cancelled.

        :raises RuntimeError: through the Deferred, if it cannot stop properly, with the reason that it gives.
        """
        return Deferred.fromFuture(self._loop.create_task(self._stop()))

    def __call__(self, exchange: Exchange) -> None:
        """Have the application answer a request.

        :raises HTTPError: if the request is one that no application could understand.
        """
        request = exchange.request
        dialogue: HTTPDialogue | WebSocketDialogue
        if request.upgrade and is_websocket(request):
            scope = scope_of(exchange, "websocket", ("ws", "wss"), WEBSOCKET_EXTENSIONS, self._state)
            scope["subprotocols"] = offered(request)
            dialogue = WebSocketDialogue(exchange, self._loop, self._clock, self._origins)
        else:
            scope = scope_of(exchange, "http", ("http", "https"), HTTP_EXTENSIONS, self._state)
            scope["method"] = request.method
            dialogue = HTTPDialogue(exchange, self._loop)
        task = begun(self._run(scope, dialogue), self._loop)
        if not task.done():
            self._running[dialogue] = task
            exchange.when_done(partial(_look_who_answered, dialogue, task))

    async def _run(self, scope: Scope, dialogue: HTTPDialogue | WebSocketDialogue) -> None:
        try:
            await self.app(scope, dialogue.receive, dialogue.send)
        except (Exception, SystemExit):
            dialogue.failed(Failure())
        except BaseException:
            dialogue.cut()
            raise
        else:
            dialogue.ended()
        finally:
            self._running.pop(dialogue, None)

    async def _start(self) -> None:
        if self._support != "off":
            lifespan = Lifespan(self.app, self._loop, required=self._support == "on")
            await lifespan.start()
            self._lifespan, self._state = lifespan, lifespan.state

    async def _stop(self) -> None:
        if self._running:
            _, late = await wait([*self._running.values()], timeout=GRACE)
            if late:
                log.warn("requests that do not end are cancelled: {count}", count=len(late))
                for task in late:
                    task.cancel()
                await wait(late, timeout=GRACE)
        if self._lifespan is not None:
            lifespan, self._lifespan = self._lifespan, None
            await lifespan.stop()


def _look_who_answered(dialogue: HTTPDialogue | WebSocketDialogue, task: Task[None], exchange: Exchange) -> None:
    """Nobody will hear an application in whose stead somebody else has answered."""
    if exchange.complete and not dialogue.spoken:
        task.cancel()
