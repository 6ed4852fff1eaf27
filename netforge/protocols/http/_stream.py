"""One request and its response over HTTP/2: a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from h2.errors import ErrorCodes
from h2.events import RequestReceived
from h2.exceptions import ProtocolError, StreamClosedError
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import IProtocol, IReactorTime
from twisted.python.failure import Failure

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._fields import check_values, framing, host_of, lower_name, named, too_large
from netforge.protocols.http._incoming import IncomingExchange
from netforge.protocols.http._tunnel import DONE, Tunnel
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.events import Request
from netforge.protocols.http.exchange import Fields

if TYPE_CHECKING:
    from netforge.protocols.http._http2 import HTTP2Protocol

__all__ = ["HTTP2Exchange", "request_of"]

#: The most bytes of a response that wait for the client's window before the application is made to wait.
MOST_UNSENT = 64 * 1024

#: Fields of HTTP/1.1's connections (RFC 9113, section 8.2.2).
CONNECTION_FIELDS = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


def request_of(event: RequestReceived, max_fields: int) -> Request:
    """The request that begins a stream. What h2 has checked is right already.

    :raises BadRequest: if it cannot be served.
    """
    pseudo: dict[bytes, bytes] = {}
    fields: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for name, value in event.headers or ():
        if name.startswith(b":"):
            pseudo[bytes(name)] = bytes(value)
        elif name == b"cookie":
            cookies.append(bytes(value))
        else:
            fields.append((bytes(name), bytes(value)))
    if len(fields) + len(cookies) > max_fields:
        raise too_large("the head", max_fields, "fields")
    if cookies:
        # A client may have cut it in pieces (RFC 9113, section 8.2.3).
        fields.append((b"cookie", b"; ".join(cookies)))
    hosts = [value for name, value in fields if name == b"host"]
    authority = pseudo.get(b":authority", hosts[0] if hosts else b"")
    if not hosts:
        fields.insert(0, (b"host", authority))
    method, target = pseudo[b":method"].decode("ascii", "replace"), pseudo.get(b":path", authority)
    if b":path" in pseudo and not target.startswith(b"/") and (target, method) != (b"*", "OPTIONS"):
        raise BadRequest("the target is no path")
    if not target.isascii() or b"#" in target:
        raise BadRequest("the target has characters that no target has")
    has_body = event.stream_ended is None
    if method == "CONNECT":
        # Whatever comes on this stream is for what is switched to (RFC 8441, section 4).
        upgrade = pseudo.get(b":protocol", b"tunnel").decode("latin-1").lower()
        return Request(method, target.decode(), host_of(authority), fields, "2", upgrade=upgrade, has_body=has_body)
    expects = any(name == b"expect" and value.lower() == b"100-continue" for name, value in fields)
    return Request(method, target.decode(), host_of(authority), fields, "2", has_body=has_body, expects=expects)


class HTTP2Exchange(IncomingExchange):
    """See :class:`~netforge.protocols.http.Exchange`.

    :param stream: its number.
    """

    def __init__(self, connection: HTTP2Protocol, stream: int, request: Request) -> None:
        super().__init__(request, connection.transport)
        self._connection = connection
        self._core = connection.core
        self._stream = stream
        # Whether the head has been said, no more is to come, and all has been sent.
        self._started = self._ended = self._flushed = False
        self._bodiless = False
        self._left: int | None = None
        self._unsent: deque[bytes] = deque()
        self._unsent_size = 0
        self._last_fields: list[tuple[bytes, bytes]] = []
        self._room: list[Deferred[None]] = []
        self._tunnel: Tunnel | None = None

    # What the application says.

    def inform(self, status: int, headers: Fields = ()) -> None:
        if self._started or not 100 <= status <= 199 or status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise LocalProtocolError(f"{status} cannot be said here")
        self._say_head(status, named(headers))

    def respond(self, status: int, headers: Fields = (), body: bytes = b"") -> None:
        fields = named(self._decorated(status, headers))
        self._begin(status, fields, len(body))
        if body and not self._bodiless:
            self._say_head(status, fields)
            self.write(body)
            self.end()
        else:
            self.complete = True
            self._say_head(status, fields, end=True)
            self._completed()

    def begin(self, status: int, headers: Fields = ()) -> None:
        fields = named(self._decorated(status, headers))
        self._begin(status, fields, None)
        self._say_head(status, fields)

    def write(self, data: bytes) -> None:
        if not self._started or self.complete:
            raise LocalProtocolError("there is no body here")
        if self._left is not None and self.request.method != "HEAD":
            if len(data) > self._left:
                raise LocalProtocolError(f"the body has more bytes than Content-Length says: {len(data) - self._left}")
            self._left -= len(data)
        if data and not self._bodiless:
            self.sent += len(data)
            self.send(data)

    def ready(self) -> Deferred[None]:
        if self.lost or self._unsent_size < MOST_UNSENT:
            return self._connection.when_writable()
        waiting: Deferred[None] = Deferred(self._room.remove)
        self._room.append(waiting)
        return waiting

    def end(self, trailers: Fields = ()) -> None:
        fields = named(trailers)
        check_values(fields)
        if not self._started or self.complete:
            raise LocalProtocolError("there is no body here")
        if self._left and not self._bodiless:
            self.abort()
            raise LocalProtocolError(f"the body lacks bytes that Content-Length promises: {self._left}")
        self.complete = True
        self._last_fields = _lower(fields)
        self.finish()

    def abort(self) -> None:
        if not self.lost and not self._flushed:
            self._reset(ErrorCodes.INTERNAL_ERROR)
            self.connection_lost(Failure(ConnectionLost("the response was cut short")))

    def switch(self, headers: Fields, protocol: IProtocol) -> None:
        if not self.request.upgrade:
            raise LocalProtocolError("the client did not offer to switch protocols")
        self.begin(HTTPStatus.OK, headers)
        self.complete = True
        self._done()
        if self.lost:
            return
        self._tunnel = tunnel = Tunnel(self, protocol)
        tunnel.open()
        pieces, self._pieces = self._pieces or (), None
        for piece in pieces:
            tunnel.data_received(piece)
        if self.received:
            tunnel.ended()

    @property
    def clock(self) -> IReactorTime:  # type: ignore[override]  # read only
        return self._connection.surroundings.clock

    @property
    def started(self) -> bool:
        return self._started

    # What the tunnel asks for, if the protocol was switched.

    @property
    def crowded(self) -> bool:
        """Whether who writes has to wait."""
        return self._unsent_size >= MOST_UNSENT or not self._connection.writable

    def send(self, data: bytes) -> None:
        """Send, or have it wait until the client has room."""
        if not self.lost:
            self._unsent.append(data)
            self._unsent_size += len(data)
            self.flush()

    def finish(self) -> None:
        """Send no more than what waits."""
        self._ended = True
        self.flush()

    def cut(self) -> None:
        """End the stream at once."""
        if not self.lost and not self._flushed:
            self._reset(ErrorCodes.CANCEL)
            self.connection_lost(Failure(ConnectionAborted()))

    def taken(self, size: int) -> None:
        """So much was read: the client may send as much again."""
        self._taken(size)

    # What the connection tells.

    @property
    def waiting(self) -> bool:
        return self._tunnel is None and super().waiting

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.data_received(data)
        else:
            super().data_received(data)

    def ended(self) -> None:
        super().ended()
        if self._tunnel is not None:
            self._tunnel.ended()

    def drain(self) -> None:
        """Have the protocol that was switched to finish."""
        if self._tunnel is not None:
            self._tunnel.drain()

    def connection_lost(self, reason: Failure) -> None:
        self._throw_away()
        super().connection_lost(reason)
        self._let_write()
        self._lose_tunnel(reason)

    def flush(self) -> None:
        """Send as much as the client has given room for."""
        if self.lost or self._flushed:
            return
        core, stream = self._core, self._stream
        while self._unsent and self._connection.writable and not self.lost:
            room = min(core.local_flow_control_window(stream), core.max_outbound_frame_size)
            if room <= 0:
                break
            piece = self._unsent.popleft()
            if len(piece) > room:
                self._unsent.appendleft(piece[room:])
                piece = piece[:room]
            self._unsent_size -= len(piece)
            self._flushed = self._ended and not self._unsent and not self._last_fields
            self._tell(core.send_data, piece, end_stream=self._flushed)
        if self._ended and not self._unsent:
            if self._last_fields:
                self._tell(core.send_headers, self._last_fields, end_stream=True)
            elif not self._flushed:
                self._tell(core.end_stream)
            self._completed()
        self._connection.send()
        if self._unsent_size < MOST_UNSENT:
            self._let_write()

    def _begin(self, status: int, fields: list[tuple[bytes, bytes]], size: int | None) -> None:
        """Look whether a head can be said, and add to its fields what is missing."""
        if self._started:
            raise LocalProtocolError("the response has begun already")
        if not 200 <= status <= 999:
            raise LocalProtocolError(f"{status} is no final status")
        given = framing(fields)
        check_values(fields)
        bodiless = status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED) or self.request.method == "HEAD"
        if status == HTTPStatus.NO_CONTENT:
            fields[:] = [field for field in fields if lower_name(field[0]) != b"content-length"]
        elif b"content-length" in given:
            self._left = int(given[b"content-length"])
            if size is not None and self._left != size and not bodiless:
                raise LocalProtocolError(f"Content-Length says {self._left}, but the body has {size} bytes")
        elif size is not None and status != HTTPStatus.NOT_MODIFIED:
            fields.append((b"content-length", b"%d" % size))
            self._left = size
        if b"date" not in given:
            fields.append((b"date", self._connection.surroundings.date.now()))
        self.status, self._started, self._bodiless = status, True, bodiless

    def _say_head(self, status: int, fields: list[tuple[bytes, bytes]], *, end: bool = False) -> None:
        if self.lost:
            return
        head = [(b":status", b"%d" % status)]
        head += [(name, value) for name, value in _lower(fields) if name not in CONNECTION_FIELDS]
        self._tell(self._core.send_headers, head, end_stream=end)
        self._connection.send()

    def _tell(self, call: Callable[..., object], *arguments: Any, **options: bool) -> None:
        """Tell the client something by a method of h2's. It knows before us whether the client is gone."""
        try:
            call(self._stream, *arguments, **options)
        except ProtocolError:
            self.lost = True

    def _completed(self) -> None:
        if self.lost:
            return
        self._flushed = True
        self._done()
        self._throw_away()
        self._connection.forget(self._stream)
        self._let_write()
        self._lose_tunnel(DONE)

    def _lose_tunnel(self, reason: Failure) -> None:
        if self._tunnel is not None:
            # As with every transport, not in the midst of what its protocol does.
            self._connection.surroundings.clock.callLater(0, self._tunnel.lost, reason)

    def _reset(self, error: ErrorCodes) -> None:
        # It may be closed already, by what came in the same read.
        with suppress(StreamClosedError):
            self._core.reset_stream(self._stream, error)
        self._connection.forget(self._stream)
        self._connection.send()

    def _throw_away(self) -> None:
        """Give the client back the room that unread pieces of the body take."""
        self._taken(sum(map(len, self._pieces or ())))
        self._pieces = None

    def _taken(self, size: int) -> None:
        if size:
            self._core.acknowledge_received_data(size, self._stream)
            self._connection.send()

    def _let_write(self) -> None:
        room, self._room = self._room, []
        for waiting in room:
            waiting.callback(None)


def _lower(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(lower_name(name), value) for name, value in fields]
