"""``WSGIApplication``: an application of PEP 3333 as one of ours."""

from __future__ import annotations

import io
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, BinaryIO
from wsgiref.types import WSGIApplication as App

from twisted.internet.defer import Deferred

from netforge.plugin import IReactor
from netforge.protocols.http import Exchange, HTTPError
from netforge.services.web.wsgi.answer import Answer
from netforge.services.web.wsgi.body import AHEAD, Body
from netforge.services.web.wsgi.crossing import Crossing
from netforge.services.web.wsgi.environ import environ_of
from netforge.services.web.wsgi.workers import Workers

__all__ = ["WSGIApplication"]


class WSGIApplication:
    """Runs an application of PEP 3333, such as one of Flask's or Django's, in threads of its own.

    A request gets a thread when its body is there, or the first 64 KiB of it. What is left of the body is read, and the
    response sent, as the application goes on: it waits for a slow client, in both directions. When the client is gone,
    it gets :exc:`ConnectionError` from what it reads or writes, and the iterable is closed.

    :param app: what to run; may be replaced while nothing runs.
    :param reactor: whose connections it serves.
    :param threads: the most requests that are answered at once.
    :param waiting: the most requests that wait for a thread. Others get status 503.
    """

    def __init__(self, app: App, reactor: IReactor, *, threads: int = 16, waiting: int = 1000) -> None:
        self.app = app
        self._cross = Crossing(reactor).cross
        self._workers = Workers(reactor, self._cross, threads)
        self._most = threads + waiting
        self._busy = 0

    def start(self) -> None:
        """Start the threads."""
        self._workers.start()

    def stop(self) -> Deferred[None]:
        """Let the threads end what they do, for five seconds at most.

        :return: fires when they have ended, or hang.
        """
        return self._workers.stop()

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request.

        :raises HTTPError: with status 503 if too many wait, and 400 if its path could be read in two ways.
        :raises RuntimeError: if the threads have not been started.
        """
        request = exchange.request
        if request.has_body and not request.expects:
            Deferred.fromCoroutine(self._with_body(exchange)).addErrback(exchange.fail)
        else:
            self._hand_over(exchange, b"", whole=not request.has_body)

    async def _with_body(self, exchange: Exchange) -> None:
        """Wait for as much of the body as is kept here."""
        pieces: list[bytes] = []
        size = 0
        while size < AHEAD and (piece := await exchange.read()):
            pieces.append(piece)
            size += len(piece)
        self._hand_over(exchange, b"".join(pieces), whole=size < AHEAD)

    def _hand_over(self, exchange: Exchange, begun: bytes, *, whole: bool) -> None:
        """Have a thread answer.

        :param begun: what was read of the body.
        :param whole: whether that is all of it.
        """
        if self._busy >= self._most:
            raise HTTPError(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many requests wait for an answer", [(b"retry-after", b"1")]
            )
        environ = environ_of(exchange)
        if whole:
            body: BinaryIO = io.BytesIO(begun)
            if begun:
                # Of a body in chunks, too, which Django does not read without.
                environ["CONTENT_LENGTH"] = str(len(begun))
                environ.pop("HTTP_TRANSFER_ENCODING", None)
        else:
            body = io.BufferedReader(Body(exchange, self._cross, begun), AHEAD)
        environ["wsgi.input"] = body
        answer = Answer(exchange, self._cross)
        self._workers.do(lambda: self._answer(environ, answer))
        self._busy += 1

    def _answer(self, environ: dict[str, Any], answer: Answer) -> None:
        """Answer a request, in a thread."""
        try:
            # Who waits for a thread may have gone away, or been answered.
            if not answer.gone:
                _run(self.app, environ, answer)
        except (Exception, SystemExit):
            answer.fail()
        self._cross(self._answered)

    def _answered(self) -> None:
        self._busy -= 1


def _run(app: App, environ: dict[str, Any], answer: Answer) -> None:
    pieces: Iterable[bytes] = app(environ, answer.start_response)
    try:
        if isinstance(pieces, list | tuple):
            answer.say(b"".join(pieces), last=True)
        else:
            for piece in pieces:
                answer.say(piece)
        answer.end()
    finally:
        if (close := getattr(pieces, "close", None)) is not None:
            close()
