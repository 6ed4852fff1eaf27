"""``TornadoApplication``: an application of Tornado's for our server."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop, Task
from typing import TYPE_CHECKING

from netforge.protocols.http import Exchange

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerConnectionDelegate

__all__ = ["TornadoApplication", "check_loop"]

#: As in Tornado's own server.
MAX_BODY = 100 * 1024 * 1024


class TornadoApplication:
    """Runs an application of Tornado's, with its WebSocket handlers.

    :param app: a ``tornado.web.Application``, or whatever else Tornado's server would take. May be set until the first
        request.
    :param loop: the asyncio loop that the reactor runs on: a real one.
    :param max_body: the most bytes of a request's body, unless its handler calls ``set_max_body_size``.
    :raises ImportError: if Tornado is not installed.
    """

    def __init__(self, app: HTTPServerConnectionDelegate, loop: AbstractEventLoop, *, max_body: int = MAX_BODY) -> None:
        try:
            from netforge.services.web.tornado.serving import serve  # noqa: PLC0415  an optional library
        except ImportError as error:
            raise ImportError("Tornado is not installed: pip install 'netforge[tornado]'") from error
        self.app = app
        self._serve = serve
        self._loop = loop
        self._max_body = max_body
        self._running: set[Task[None]] = set()

    def __call__(self, exchange: Exchange) -> None:
        """Have the application answer a request."""
        task = self._loop.create_task(self._serve(exchange, self.app, self._loop, self._max_body))
        # The loop itself keeps no hold of it.
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def check_loop(loop: AbstractEventLoop) -> None:
    """Look whether a loop has sockets, as Tornado needs.

    :raises NotImplementedError: if it has none; says which reactor to choose.
    """
    with socket.socket() as probe:
        loop.remove_reader(probe)
