"""What a request of ``twisted.web`` has for its connection."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.server import Request, Site

from netforge.plugin import Connection
from netforge.protocols.http import Exchange, HTTPError, path_of, raw_target

__all__ = ["Channel"]


class Channel:
    """Stands for ``twisted.web.http.HTTPChannel`` and for its transport: what is said here, an exchange says.

    :param site: where the resource is found.
    :param exchange: what is answered.
    :param max_body: the most bytes of a body, which is kept in a file while it comes; ``None`` for no limit.
    """

    # Who would log each request.
    factory = None

    def __init__(self, site: Site, exchange: Exchange, max_body: int | None) -> None:
        self.site = site
        self.transport = self
        self.exchange = exchange
        self._max_body = max_body
        self._connection = Connection.of(exchange.transport)
        # Status, fields and Content-Length, until the first piece of the body shows whether it is the whole.
        self._head: tuple[int, list[tuple[bytes, bytes]], bytes] | None = None
        self._producer: Any = None
        self._streaming = self._paused = False
        self._request = Request(self)

    def begin(self) -> None:
        """Have the request answered, once its body is there.

        :raises HTTPError: with status 400, if its path could be read in two ways.
        """
        asked = self.exchange.request
        path_of(asked.target)
        for name, value in asked.headers:
            self._request.requestHeaders.addRawHeader(name, value)
        self._request.parseCookies()
        self.exchange.when_lost(self._lost)
        if asked.has_body:
            Deferred.fromCoroutine(self._receive()).addErrback(self._refuse)
        else:
            self._request.gotLength(0)
            self._received()

    async def _receive(self) -> None:
        """Take the body."""
        length = self.exchange.request.header(b"content-length")
        # A short one stays in memory.
        self._request.gotLength(None if length is None else int(length))
        size = 0
        while piece := await self.exchange.read():
            size += len(piece)
            if self._max_body is not None and size > self._max_body:
                raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
            self._request.handleContentChunk(piece)
        self._received()

    def _received(self) -> None:
        asked = self.exchange.request
        target = asked.target
        if not target.startswith(("/", "*")):
            path, query = raw_target(target)
            target = f"{path or '/'}?{query}"
        self._request.requestReceived(asked.method.encode(), target.encode(), f"HTTP/{asked.version}".encode())

    def _refuse(self, failure: Failure) -> None:
        if self._request.content is not None:
            self._request.content.close()
        self.exchange.fail(failure)

    def _lost(self, reason: Failure) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._request.connectionLost(reason)

    # What the request says.

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:  # noqa: N802  Twisted's
        """Take the head of the response."""
        # How the body is framed is the exchange's affair.
        self._request.chunked = 0
        headers.removeHeader(b"transfer-encoding")
        fields = [(name, value) for name, values in headers.getAllRawHeaders() for value in values]
        lengths = headers.getRawHeaders(b"content-length")
        if lengths:
            self._head = int(code), fields, lengths[0]
        else:
            self.exchange.begin(int(code), fields)

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        if self._head is not None:
            (status, fields, length), self._head = self._head, None
            if b"%d" % len(data) == length:
                self.exchange.respond(status, fields, data)
                return
            self.exchange.begin(status, fields)
        self.exchange.write(data)
        self._pace()

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        """Send pieces of the body."""
        for piece in pieces:
            self.write(piece)

    def requestDone(self, request: Request) -> None:  # noqa: N802  Twisted's
        """End the response."""
        if self._head is not None:
            status, fields, _ = self._head
            self.exchange.respond(status, fields)
        elif not self.exchange.complete:
            self.exchange.end()
        # They know each other, which the garbage collector would have to find out.
        del self._request

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802  Twisted's
        raise HTTPError(HTTPStatus.BAD_REQUEST, "the form cannot be read")

    def loseConnection(self) -> None:  # noqa: N802  Twisted's
        """Cut the response short."""
        self.exchange.abort()

    abortConnection = loseConnection  # noqa: N815  Twisted's

    # What the request asks for.

    def getPeer(self) -> IAddress:  # noqa: N802  Twisted's
        """Who asks; behind a trusted proxy, the client that it named."""
        return self._connection.peer

    def getHost(self) -> IAddress:
        """Where the client has connected to."""
        return self._connection.host

    def isSecure(self) -> bool:  # noqa: N802  Twisted's
        """Whether that is by TLS."""
        return self._connection.tls is not None

    # Producers: as a consumer, it paces them by the client.

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802  Twisted's
        """Take the rest of the body from a producer.

        :param streaming: whether it goes on until it is paused; else it is asked for each piece.
        """
        self._producer, self._streaming, self._paused = producer, streaming, False
        if not streaming:
            self._pull(producer)

    def unregisterProducer(self) -> None:  # noqa: N802  Twisted's
        """Let go of the producer."""
        self._producer = None

    def _pull(self, producer: Any) -> None:
        self.exchange.ready().addCallback(self._ask, producer)

    def _ask(self, _: object, producer: Any) -> None:
        if self._producer is producer:
            producer.resumeProducing()
        if self._producer is producer:
            # In another turn, lest a long file and a fast client hold up everybody else.
            self.site.reactor.callLater(0, self._pull, producer)

    def _pace(self) -> None:
        producer = self._producer
        if producer is None or not self._streaming or self._paused:
            return
        ready = self.exchange.ready()
        if not ready.called:
            self._paused = True
            producer.pauseProducing()
            ready.addCallback(self._go_on, producer)

    def _go_on(self, _: object, producer: Any) -> None:
        if self._producer is producer:
            self._paused = False
            producer.resumeProducing()
