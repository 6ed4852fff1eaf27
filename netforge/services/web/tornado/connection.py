"""A request and its response, as Tornado's applications see them."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from http import HTTPStatus
from types import SimpleNamespace

from tornado.httputil import HTTPConnection, HTTPHeaders, RequestStartLine, ResponseStartLine
from tornado.iostream import StreamClosedError
from twisted.internet.interfaces import ISSLTransport

from netforge.plugin import Connection
from netforge.protocols.http import Exchange
from netforge.services.web.tornado.stream import DetachedStream, heard

__all__ = ["ExchangeConnection"]


class ExchangeConnection(HTTPConnection):
    """What Tornado writes a response to.

    :param exchange: the request, as our server has it.
    :param loop: the loop that runs.
    :param max_body: bytes of the request's body.
    :ivar context: who asks, in the names of Tornado's server: ``remote_ip``, ``protocol``, ``address``.
    :ivar max_body: see above; handlers change it.
    """

    def __init__(self, exchange: Exchange, loop: AbstractEventLoop, max_body: int) -> None:
        self.max_body = max_body
        self._exchange = exchange
        self._loop = loop
        self._close_callback: Callable[[], None] | None = None
        self._handler: object = None
        # The fields of an agreement to leave HTTP, until that is done.
        self._switching: list[tuple[bytes, bytes]] | None = None
        # Whether Tornado has begun to answer, and nobody else.
        self._spoken = False
        self.context = context_of(exchange)
        exchange.when_done(self._done)

    # The response.

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        """Begin the response. The Future fires when there is room for more.

        :raises LocalProtocolError: HTTP has no words for it.
        """
        assert isinstance(start_line, ResponseStartLine)
        exchange, status = self._exchange, start_line.code
        if exchange.complete:
            return self._nobody_listens()
        self._spoken = True
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.get_all()]
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            self._switching = fields
        elif chunk and headers.get("Content-Length") == str(len(chunk)):
            # All there is, in one go.
            exchange.respond(status, fields, chunk)
        else:
            exchange.begin(status, fields)
            exchange.write(chunk or b"")
        return self._room()

    def write(self, chunk: bytes) -> Future[None]:
        """Send a piece of the body. The Future fires when there is room for more.

        :raises LocalProtocolError: it is not its turn, or is more than Content-Length promised.
        """
        if self._exchange.complete and not self._spoken:
            return self._nobody_listens()
        self._exchange.write(chunk)
        return self._room()

    def finish(self) -> None:
        """End the response.

        :raises LocalProtocolError: it has less than Content-Length promised.
        """
        if self._switching is None and not self._exchange.complete:
            self._exchange.end()

    def _room(self) -> Future[None]:
        exchange = self._exchange
        if exchange.complete:
            done: Future[None] = self._loop.create_future()
            done.set_result(None)
            return done

        def look(_: None) -> None:
            if exchange.lost:
                raise StreamClosedError

        room: Future[None] = exchange.ready().addCallback(look).asFuture(self._loop)
        room.add_done_callback(heard)
        return room

    def _nobody_listens(self) -> Future[None]:
        """As of a connection that is closed: somebody else has answered, as at a deadline."""
        closed: Future[None] = self._loop.create_future()
        closed.add_done_callback(heard)
        closed.set_exception(StreamClosedError())
        return closed

    # The connection.

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Have something called when the client goes away before the response is complete, or somebody else answers."""
        self._close_callback = callback
        if callback is not None:
            # One of a WebSocket knows how to say goodbye.
            self._handler = getattr(callback, "__self__", None)

    def set_max_body_size(self, max_body_size: int) -> None:
        """Take a body of so many bytes, for this request."""
        self.max_body = max_body_size

    def detach(self) -> DetachedStream:
        """Leave HTTP, after status 101.

        :raises RuntimeError: without that.
        """
        if self._switching is None:
            raise RuntimeError("a connection can be detached only with status 101, as a WebSocketHandler does")
        stream = DetachedStream(self._loop, getattr(self._handler, "close", None))
        self._exchange.switch(self._switching, stream)
        return stream

    def _done(self, exchange: Exchange) -> None:
        if self._close_callback is not None and (exchange.lost or not self._spoken):
            callback, self._close_callback = self._close_callback, None
            callback()


def context_of(exchange: Exchange) -> SimpleNamespace:
    """Who asks, in the names of Tornado's server."""
    connection = Connection.of(exchange.transport)
    secure = connection.tls is not None or ISSLTransport.providedBy(exchange.transport)
    host, port = (getattr(connection.peer, name, None) for name in ("host", "port"))
    return SimpleNamespace(
        # As Tornado has it, for a client that has no address.
        remote_ip=host or "0.0.0.0",
        protocol="https" if secure else "http",
        address=(host, port) if host else None,
    )
