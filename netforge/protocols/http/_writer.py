"""HTTP/1.1 responses (RFC 9112): what an application says, to bytes. It cannot break the framing."""

from __future__ import annotations

from http import HTTPStatus

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._fields import framing, named
from netforge.protocols.http._incoming import decorated
from netforge.protocols.http.events import Request
from netforge.protocols.http.exchange import Decoration, Fields

__all__ = ["ResponseWriter", "ordinary", "status_line"]

#: The status lines of what is registered.
_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

_IDLE, _STARTED, _COMPLETE = range(3)

PlainFields = tuple[tuple[bytes, bytes], ...]

#: Those without a body, and so without a length (RFC 9110, sections 15.3.5 and 15.4.5).
_NO_CONTENT, _NOT_MODIFIED = 204, 304

# Heads up to the value of Content-Length, of responses whose fields came in a tuple: that is often the same. Cleared
# when there are too many.
_HEADS: dict[tuple[int, PlainFields, tuple[Decoration, ...]], bytes] = {}
_MOST_HEADS = 1024
_LONGEST_HEAD = 1024


class ResponseWriter:
    """The response to one request.

    Its methods return what to send. Whatever an application does, the client can tell one response from the next: what
    cannot be said raises :exc:`LocalProtocolError` and changes nothing.

    :param request: what is answered.
    :ivar close: whether the connection must be closed after it. May be set before it begins.
    :ivar bodiless: whether it has no body, whatever the application says.
    """

    bodiless = False
    _state = _IDLE
    _chunked = False
    # The bytes that are still to come, where that was promised.
    _left: int | None = None

    def __init__(self, request: Request) -> None:
        self.close = not request.keep_alive
        self._method = request.method
        self._old = request.version == "1.0"

    @property
    def started(self) -> bool:
        """Whether anything but an interim response was said."""
        return self._state != _IDLE

    @property
    def complete(self) -> bool:
        """Whether all was said."""
        return self._state == _COMPLETE

    @property
    def lacking(self) -> bool:
        """Whether a client that gets no more can tell that it has not got all."""
        return self._state == _IDLE or (self._state == _STARTED and (self._chunked or bool(self._left)))

    def inform(self, status: int, headers: Fields = ()) -> bytes:
        """An interim response, 100 to 199 but 101 (RFC 9110, section 15.2). HTTP/1.0 has none: nothing is said.

        :raises LocalProtocolError: once the response has begun.
        """
        if self._state != _IDLE or not 100 <= status <= 199 or status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise LocalProtocolError(f"{status} cannot be said here")
        return b"" if self._old else status_line(status) + _block(named(headers))

    def switch(self, headers: Fields) -> bytes:
        """``101 Switching Protocols``, the last that is said in HTTP (RFC 9110, section 15.2.2).

        :raises LocalProtocolError: once the response has begun.
        """
        if self._state != _IDLE:
            raise LocalProtocolError("the response has begun already")
        switched = status_line(101) + _block(named(headers))
        self._state = _COMPLETE
        return switched

    def respond(self, status: int, headers: Fields, body: bytes, date: bytes) -> bytes:
        """A whole response.

        :param date: the value of Date, where the headers have none.
        :raises LocalProtocolError: if one has begun, or if the headers do not fit the body.
        """
        head = self._start(status, headers, date, len(body))
        if self._left is not None and self._left != len(body) and self._method != "HEAD" and not self.bodiless:
            raise LocalProtocolError(f"Content-Length says {self._left}, but the body has {len(body)} bytes")
        self._state = _COMPLETE
        return head if self.bodiless else head + body

    def begin(self, status: int, headers: Fields, date: bytes) -> bytes:
        """The head of a response whose body follows by :meth:`data` and :meth:`end`.

        Without a Content-Length it is chunked, or for HTTP/1.0 ended by the end of the connection.

        :raises LocalProtocolError: if one has begun, or if the headers cannot be said.
        """
        head = self._start(status, headers, date, None)
        self._state = _STARTED
        return head

    def data(self, data: bytes) -> bytes:
        """A piece of the body.

        :raises LocalProtocolError: before or after the body, or beyond its Content-Length.
        """
        if self._state != _STARTED:
            raise LocalProtocolError("there is no body here")
        if not data:
            return b""
        if self._left is not None and self._method != "HEAD":
            if len(data) > self._left:
                raise LocalProtocolError(f"the body has more bytes than Content-Length says: {len(data) - self._left}")
            self._left -= len(data)
        if self.bodiless:
            return b""
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def file(self, size: int) -> bool:
        """Whether so many bytes of the body may be sent from a file. They count as sent; fewer than none count back."""
        if self._state != _STARTED or self._left is None or self.bodiless or size > self._left:
            return False
        self._left -= size
        return True

    def end(self, trailers: Fields = ()) -> bytes:
        """The end of the body. Trailers are said only where it is chunked.

        :raises LocalProtocolError: without a body, or if it has fewer bytes than its Content-Length. In the latter case
            the response can only be cut short.
        """
        if self._state != _STARTED:
            raise LocalProtocolError("there is no body here")
        if self._left and not self.bodiless:
            raise LocalProtocolError(f"the body lacks bytes that Content-Length promises: {self._left}")
        last = b"0\r\n" + _block(named(trailers)) if self._chunked and not self.bodiless else b""
        self._state = _COMPLETE
        return last

    def _start(self, status: int, headers: Fields, date: bytes, size: int | None) -> bytes:
        if self._state != _IDLE:
            raise LocalProtocolError("the response has begun already")
        if not 200 <= status <= 999:
            raise LocalProtocolError(f"{status} is no final status")
        fields = [*headers]
        given = framing(fields)
        bodiless = status in (_NO_CONTENT, _NOT_MODIFIED)
        close, chunked, left = self.close or given.get(b"connection", b"").lower() == b"close", False, None
        if status == _NO_CONTENT:
            # It has no length either (RFC 9110, section 8.6), though frameworks give it one.
            fields = [field for field in fields if field[0].lower() != b"content-length"]
        elif b"content-length" in given:
            left = int(given[b"content-length"])
        elif size is not None and not bodiless:
            fields.append((b"content-length", b"%d" % size))
        elif not bodiless and not self._old:
            chunked = True
            fields.append((b"transfer-encoding", b"chunked"))
        elif not bodiless:
            close = True
        if b"date" not in given:
            fields.append((b"date", date))
        if close and b"connection" not in given:
            fields.append((b"connection", b"close"))
        elif self._old and not close:
            fields.append((b"connection", b"keep-alive"))
        head = status_line(status) + _block(fields)
        self.close, self._chunked, self._left = close, chunked, left
        self.bodiless = bodiless or self._method == "HEAD"
        return head


def ordinary(request: Request, status: int, fields: PlainFields, decorations: tuple[Decoration, ...]) -> bytes:
    """The head of an ordinary response up to the value of Content-Length, to be followed by Date alone, as
    :meth:`ResponseWriter.respond` says it, for less. Nothing if it is not an ordinary one.

    :param decorations: pure ones.
    :raises LocalProtocolError: if the fields cannot be said.
    """
    if not request.keep_alive or request.version != "1.1" or request.method == "HEAD" or request.expects:
        return b""
    return _HEADS.get((status, fields, decorations)) or _keep_head(status, fields, decorations)


def _keep_head(status: int, fields: PlainFields, decorations: tuple[Decoration, ...]) -> bytes:
    said = decorated(status, fields, decorations)
    if framing(said) or status in (_NO_CONTENT, _NOT_MODIFIED) or not 200 <= status <= 999:
        return b""
    head = status_line(status) + _block(said)[:-2] + b"content-length: "
    if len(head) <= _LONGEST_HEAD:
        if len(_HEADS) >= _MOST_HEADS:
            _HEADS.clear()
        _HEADS[status, fields, decorations] = head
    return head


def status_line(status: int) -> bytes:
    """The first line of a response (RFC 9112, section 4)."""
    return _LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def _block(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Fields and the empty line after them.

    :raises LocalProtocolError: if one would end before its end (RFC 9110, section 5.5).
    """
    block = b"".join([b"%b: %b\r\n" % field for field in fields])
    if block.count(b"\n") != len(fields) or block.count(b"\r") != len(fields) or b"\0" in block:
        raise LocalProtocolError("a field has CR, LF or NUL in it")
    return block + b"\r\n"
