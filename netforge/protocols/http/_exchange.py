"""One request and its response over HTTP/1.1."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._writer import ResponseWriter
from netforge.protocols.http.events import Headers, Request
from netforge.protocols.http.exchange import Exchange, Fields
from netforge.protocols.interfaces import IStreamTransport

if TYPE_CHECKING:
    from netforge.protocols.http._http1 import HTTP1Protocol

__all__ = ["HTTP1Exchange"]

#: The most bytes of a body that wait to be read before the client is made to wait.
MOST_UNREAD = 64 * 1024
#: The most bytes of a body that come after the response and are thrown away. Beyond them the connection is closed.
MOST_DISCARDED = 256 * 1024


class HTTP1Exchange(Exchange):
    """See :class:`~netforge.protocols.http.Exchange`.

    :ivar received: whether the whole request has come.
    """

    transport: IStreamTransport

    def __init__(self, connection: HTTP1Protocol, request: Request) -> None:
        self.request = request
        self.transport = connection.transport
        self.trailers = []
        self.lost = False
        self.received = not request.has_body
        self._connection = connection
        self._writer = ResponseWriter(request)
        self._pieces: deque[bytes] = deque()
        self._unread = 0
        self._discarded = 0
        self._reader: Deferred[bytes] | None = None
        self._losses: list[Callable[[Failure], object]] = []
        # Whether the client must be told to go on.
        self._held_back = request.expects and request.has_body

    # What the application says.

    def read(self) -> Deferred[bytes]:
        if self._reader is not None:
            raise RuntimeError("the last piece has not come yet")
        if self._pieces:
            piece = self._pieces.popleft()
            self._unread -= len(piece)
            self._connection.proceed()
            return succeed(piece)
        if self.received:
            return succeed(b"")
        if self.lost:
            return fail(ConnectionLost("the client went away in the middle of the request"))
        if self._held_back and not self._writer.started:
            self._held_back = False
            self.inform(HTTPStatus.CONTINUE)
        self._reader = Deferred(self._forget_reader)
        return self._reader

    def inform(self, status: int, headers: Fields = ()) -> None:
        self._say(self._writer.inform(status, headers))

    def respond(self, status: int, headers: Fields = (), body: bytes = b"") -> None:
        self._before_the_head()
        self._say(self._writer.respond(status, headers, body, self._connection.surroundings.date.now()))
        self._completed()

    def begin(self, status: int, headers: Fields = ()) -> None:
        self._before_the_head()
        self._say(self._writer.begin(status, headers, self._connection.surroundings.date.now()))

    def write(self, data: bytes) -> None:
        self._say(self._writer.data(data))

    def ready(self) -> Deferred[None]:
        return self._connection.when_writable()

    def end(self, trailers: Fields = ()) -> None:
        try:
            self._say(self._writer.end(trailers))
        except LocalProtocolError:
            self.abort()
            raise
        self._completed()

    def abort(self) -> None:
        if not self.lost and not self._writer.complete:
            self.transport.abortConnection()

    def switch(self, headers: Fields, protocol: IProtocol) -> None:
        if not self.request.upgrade:
            raise LocalProtocolError("the client did not offer to switch protocols")
        said = self._writer.switch(headers)
        if not self.lost:
            self._connection.switch(said, protocol)

    def when_lost(self, call: Callable[[Failure], object]) -> None:
        self._losses.append(call)

    @property
    def started(self) -> bool:
        return self._writer.started

    def fail(self) -> None:
        """The application raised: say so if that can still be said."""
        if self._writer.started:
            self.abort()
        else:
            text = [(b"content-type", b"text/plain")]
            self.respond(HTTPStatus.INTERNAL_SERVER_ERROR, text, b"500 Internal Server Error\n")

    # What the connection tells.

    @property
    def full(self) -> bool:
        """Whether the client must wait: for its body to be read, or to hear whether the protocol is switched."""
        return self._unread > MOST_UNREAD or bool(self.request.upgrade)

    @property
    def waiting(self) -> bool:
        """Whether something is missing that the client should send."""
        return not self.received and not self._pieces

    def make_last(self) -> None:
        """Have the connection closed after the response, and say so if its head has not been sent."""
        self._writer.close = True

    def data_received(self, data: bytes) -> None:
        if self._writer.complete:
            self._discarded += len(data)
            if self._discarded > MOST_DISCARDED:
                self._connection.finished(self, close=True)
        elif self._reader is not None:
            reader, self._reader = self._reader, None
            reader.callback(data)
        else:
            self._pieces.append(data)
            self._unread += len(data)

    def ended(self, trailers: Headers) -> None:
        if self.received:
            return
        self.received = True
        self.trailers = trailers
        if self._writer.complete:
            self._connection.finished(self, close=self._writer.close)
        elif self._reader is not None:
            reader, self._reader = self._reader, None
            reader.callback(b"")

    def connection_lost(self, reason: Failure) -> None:
        self.lost = True
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.errback(ConnectionLost("the client went away in the middle of the request"))
        if not self._writer.complete:
            losses, self._losses = self._losses, []
            for call in losses:
                call(reason)

    def _before_the_head(self) -> None:
        if self._held_back:
            # The client may send the body or not: where the next request begins cannot be known.
            self._writer.close = True

    def _say(self, said: bytes) -> None:
        if said and not self.lost:
            self.transport.write(said)

    def _completed(self) -> None:
        if self.lost:
            return
        self._losses.clear()
        if self.received or self._held_back:
            self._connection.finished(self, close=self._writer.close)
        else:
            # The rest of the request is of no interest.
            self._pieces.clear()
            self._unread = 0
            self._connection.proceed()

    def _forget_reader(self, cancelled: Deferred[bytes]) -> None:
        self._reader = None
