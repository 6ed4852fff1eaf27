"""One request and its response over HTTP/1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IReactorTime

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._incoming import IncomingExchange
from netforge.protocols.http._writer import ResponseWriter, ordinary
from netforge.protocols.http.events import Headers, Request
from netforge.protocols.http.exchange import Fields
from netforge.protocols.sendfile import can_send_files, send_file

if TYPE_CHECKING:
    from netforge.protocols.http._http1 import HTTP1Protocol

__all__ = ["HTTP1Exchange"]

#: The most bytes of a body that wait to be read before the client is made to wait.
MOST_UNREAD = 64 * 1024
#: The most bytes of a body that come after the response and are thrown away. Beyond them the connection is closed.
MOST_DISCARDED = 256 * 1024


class HTTP1Exchange(IncomingExchange):
    """See :class:`~netforge.protocols.http.Exchange`."""

    _unread = 0
    _discarded = 0
    # Whether nothing was said or decided yet: then an ordinary response needs no writer.
    _untouched = True
    _written: ResponseWriter | None = None
    # Whether the connection is closed after the response, whatever that says.
    _last = False

    def __init__(self, connection: HTTP1Protocol, request: Request) -> None:
        # All that there is to be done, since it is done for each request.
        self.request = request
        self.transport = connection.transport
        self.received = not request.has_body
        self._held_back = request.expects and request.has_body
        self._connection = connection

    # What the application says.

    def inform(self, status: int, headers: Fields = ()) -> None:
        self._say(self._writer.inform(status, headers))

    def respond(self, status: int, headers: Fields = (), body: bytes = b"") -> None:
        if self._untouched and self._pure and type(headers) is tuple:
            head = ordinary(self.request, status, headers, self._decorations)
            if head:
                self._untouched = False
                self.status = status
                self.sent = len(body)
                if not self.lost:
                    date = self._connection.surroundings.date.now()
                    self.transport.write(b"%b%d\r\ndate: %b\r\n\r\n%b" % (head, len(body), date, body))
                self._completed()
                return
        self._before_the_head()
        fields = self._decorated(status, headers)
        self._say(self._writer.respond(status, fields, body, self._connection.surroundings.date.now()))
        self.status = status
        if not self._writer.bodiless:
            self.sent = len(body)
        self._completed()

    def begin(self, status: int, headers: Fields = ()) -> None:
        self._before_the_head()
        fields = self._decorated(status, headers)
        self._say(self._writer.begin(status, fields, self._connection.surroundings.date.now()))
        self.status = status

    def write(self, data: bytes) -> None:
        self._say(self._writer.data(data))
        if not self._writer.bodiless:
            self.sent += len(data)

    @property
    def sends_files(self) -> bool:
        return can_send_files(self.transport)

    async def send_file(self, descriptor: int, start: int, size: int) -> int:
        if self.lost or not self._writer.file(size):
            return 0
        sending = send_file(self.transport, descriptor, start, size)
        sent = 0 if sending is None else await self._connection.wait_for(sending)
        self._writer.file(sent - size)
        self.sent += sent
        return sent

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
        if not self.lost and not self.complete:
            self._connection.cut(self, noticed=self._written is None or self._written.lacking)

    def switch(self, headers: Fields, protocol: IProtocol) -> None:
        if not self.request.upgrade:
            raise LocalProtocolError("the client did not offer to switch protocols")
        fields = self._decorated(101, headers)
        said = self._writer.switch(fields)
        self.status = 101
        self.complete = True
        if not self.lost:
            self._connection.switch(said, protocol)
        self._done()

    @property
    def clock(self) -> IReactorTime:  # type: ignore[override]  # read only
        return self._connection.surroundings.clock

    @property
    def started(self) -> bool:
        return self.status != 0

    # What the connection tells.

    @property
    def full(self) -> bool:
        """Whether the client must wait: for its body to be read, or to hear whether the protocol is switched."""
        return self._unread > MOST_UNREAD or bool(self.request.upgrade)

    def make_last(self) -> None:
        """Have the connection closed after the response, and say so if its head has not been sent."""
        self._last = True
        self._untouched = False
        if self._written is not None:
            self._written.close = True

    def data_received(self, data: bytes) -> None:
        if self.complete:
            self._discarded += len(data)
            if self._discarded > MOST_DISCARDED:
                self._connection.finished(self, close=True)
            return
        if self._reader is None:
            self._unread += len(data)
        super().data_received(data)

    def request_ended(self, trailers: Headers) -> None:
        """The request is complete."""
        if self.received:
            return
        self.trailers = trailers
        self.ended()
        if self.complete:
            self._connection.finished(self, close=self._written is not None and self._written.close)

    def _taken(self, size: int) -> None:
        if self._unread:
            self._unread -= size
            self._connection.proceed()

    @property
    def _writer(self) -> ResponseWriter:
        if self._written is None:
            if self.complete:
                raise LocalProtocolError("the response has begun already")
            self._untouched = False
            self._written = ResponseWriter(self.request)
            self._written.close |= self._last
        return self._written

    def _before_the_head(self) -> None:
        if self._held_back:
            # The client may send the body or not: where the next request begins cannot be known.
            self.make_last()

    def _say(self, said: bytes) -> None:
        if said and not self.lost:
            self.transport.write(said)

    def _completed(self) -> None:
        self.complete = True
        if self._losses is not None or self._observers is not None:
            self._done()
        if self.lost:
            return
        if self.received or self._held_back:
            self._connection.finished(self, close=self._written is not None and self._written.close)
        else:
            # The rest of the request is of no interest.
            self._pieces = None
            self._unread = 0
            self._connection.proceed()
