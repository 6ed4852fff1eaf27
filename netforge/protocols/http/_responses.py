"""HTTP/1.1 responses (RFC 9112): bytes to events. llhttp parses; what it lets pass is refused here."""

from __future__ import annotations

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from netforge.protocols.http.errors import BadResponse
from netforge.protocols.http.events import END, Data, End, Headers, Response, ResponseEvent

__all__ = ["ResponseReader"]

#: The most interim responses to one request: a server could say them for ever.
MOST_INTERIM = 32

END_OF_HEAD = b"\r\n\r\n"

#: The fields that decide how a message is to be read.
TELLING = frozenset((b"connection", b"content-length", b"transfer-encoding"))


class ResponseReader:
    """The responses of one connection, each read as the answer to what :meth:`expect` has told of.

    :param max_head: the most bytes of status line and fields, and of trailers.
    :param max_fields: the most fields.
    """

    __slots__ = (
        "_ended",
        "_events",
        "_fields",
        "_final",
        "_interims",
        "_keep_alive",
        "_max_fields",
        "_max_head",
        "_method",
        "_offered",
        "_parser",
        "_rest",
        "_room",
        "_tail",
        "_telling",
        "_to_end",
        "_unfinished",
    )

    def __init__(self, max_head: int = 32 * 1024, max_fields: int = 100) -> None:
        self._max_head = max_head
        self._max_fields = max_fields
        self._events: list[ResponseEvent] = []
        # Of the request that is answered; empty if there is none.
        self._method = ""
        self._offered = False
        # What came after 101.
        self._rest: bytes | None = None
        # Whether no response follows, and whether the end of the body is that of the connection.
        self._ended = self._to_end = False
        self._keep_alive = True
        self._interims = self._unfinished = 0
        # The end of what has been fed, as far as it may be the beginning of the end of a head.
        self._tail = b""
        self._begin()

    @property
    def expecting(self) -> bool:
        """Whether a response, or some of it, is still to come."""
        return bool(self._method)

    def expect(self, method: str, *, offered: bool = False) -> None:
        """Read what follows as the response to a request.

        :param method: its method, on which depends whether there is a body.
        :param offered: whether it offered to switch protocols.
        """
        self._method = method
        self._offered = offered
        self._interims = 0
        self._unfinished = 0
        self._tail = b""

    def receive_data(self, data: bytes) -> list[ResponseEvent]:
        """Take what the server sent.

        After ``101`` everything is kept back until :meth:`switch`; after a response that was the last, it is ignored.

        :raises BadResponse: if it is no response, or one to no request. What came before it is in :meth:`salvaged`;
            nothing may follow.
        """
        if self._rest is not None:
            self._rest += data
            return []
        if self._ended:
            return []
        try:
            if self._method == "HEAD":
                self._feed_heads(data)
            else:
                self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._rest = data[upgrade.args[0] :]
        except HttpParserError as error:
            if not self._ended:
                raise _refusal(error) from None
        if self._events:
            self._unfinished = 0
        elif self._unfinished > self._max_head:
            # llhttp keeps a field that is not complete, however long.
            raise self._too_large()
        else:
            self._unfinished += len(data)
        return self.salvaged()

    def receive_end(self) -> list[ResponseEvent]:
        """The server has ended the connection in good order, which may be the end of the body."""
        if not self._to_end:
            return []
        self._method, self._to_end = "", False
        return [END]

    def salvaged(self) -> list[ResponseEvent]:
        """The events so far that :meth:`receive_data` has not returned, since it raised."""
        events, self._events = self._events, []
        return events

    def switch(self) -> bytes:
        """What came after ``101``: it belongs to the new protocol."""
        rest, self._rest = self._rest or b"", b""
        return rest

    # What the parser calls.

    def on_message_begin(self) -> None:
        if not self._method:
            raise BadResponse("a response came that nobody asked for")
        self._room = self._max_head
        self._fields: Headers = []
        self._telling: Headers = []

    def on_status(self, reason: bytes) -> None:
        self._take_room(len(reason))
        if b"\0" in reason:
            raise BadResponse("there is a NUL in the status line")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._take_room(len(name) + len(value) + 4)
        field = (name.lower(), value.rstrip(b" \t"))
        self._fields.append(field)
        if field[0] in TELLING:
            self._telling.append(field)

    def on_headers_complete(self) -> None:
        parser, fields = self._parser, self._fields
        if len(fields) > self._max_fields:
            raise BadResponse(f"the head has more than {self._max_fields} fields")
        status, version = parser.get_status_code(), parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise BadResponse(f"expected HTTP/1.1, found HTTP/{version}")
        if status < 100:
            raise BadResponse(f"{status} is no status")
        self._fields = []
        self._room = self._max_head
        if status < 200 and status != 101:
            self._interims += 1
            if self._interims > MOST_INTERIM:
                raise BadResponse(f"more than {MOST_INTERIM} interim responses came")
            self._events.append(Response(status, fields, version))
            return
        self._final = True
        response = self._final_response(status, fields, version)
        self._keep_alive = response.keep_alive
        self._events.append(response)

    def on_body(self, body: bytes) -> None:
        self._events.append(Data(body))

    def on_message_complete(self) -> None:
        if not self._final or self._method == "HEAD":
            return
        if len(self._fields) > self._max_fields:
            raise BadResponse(f"the trailer section has more than {self._max_fields} fields")
        if not self._parser.should_upgrade():
            self._complete(self._fields)

    def _feed_heads(self, data: bytes) -> None:
        """Feed the response to HEAD. llhttp cannot be told that no body follows: it gets no more than the head."""
        while self._method and (end := (self._tail + data).find(END_OF_HEAD)) >= 0:
            end += len(END_OF_HEAD) - len(self._tail)
            head, data, self._tail = data[:end], data[end:], b""
            self._parser.feed_data(head)
            if self._final:
                self._begin()
                self._complete([])
        self._tail = (self._tail + data)[1 - len(END_OF_HEAD) :]
        if data and not self._ended:
            self._parser.feed_data(data)

    def _complete(self, trailers: Headers) -> None:
        self._events.append(End(trailers) if trailers else END)
        self._method = ""
        self._final = False
        self._ended = not self._keep_alive

    def _begin(self) -> None:
        self._parser = HttpResponseParser(self)
        self._final = False

    def _take_room(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise self._too_large()

    def _too_large(self) -> BadResponse:
        return BadResponse(f"the head, or what stands between the data, has more than {self._max_head} bytes")

    def _final_response(self, status: int, fields: Headers, version: str) -> Response:
        """The head of a response, with what it says of the body (RFC 9112, section 6.3)."""
        codings, options, length = [], b"", None
        for name, value in self._telling:
            if name == b"transfer-encoding":
                codings.append(value.lower())
            elif name == b"content-length":
                length = int(value)
            else:
                options += b"," + value.lower()
        if codings and (version == "1.0" or codings != [b"chunked"]):
            raise BadResponse(f"HTTP/{version} with Transfer-Encoding {b', '.join(codings)!r} is not understood")
        listed = [option.strip(b" \t") for option in options.split(b",")]
        keep_alive = b"close" not in listed and (version == "1.1" or b"keep-alive" in listed)
        if status == 101:
            if not self._offered or self._method == "HEAD" or not self._parser.should_upgrade():
                raise BadResponse("101 came without Upgrade, or without an offer to switch protocols")
            return Response(status, fields, version)
        if self._method == "HEAD" or status in (204, 304):
            return Response(status, fields, version, keep_alive)
        self._to_end = not codings and length is None
        return Response(status, fields, version, keep_alive and not self._to_end, bool(codings) or length != 0)


def _refusal(error: HttpParserError) -> BadResponse:
    """What to say for an error of the parser, or of ours out of one of its callbacks."""
    if isinstance(error, HttpParserCallbackError) and isinstance(error.__context__, BadResponse):
        return error.__context__
    return BadResponse(str(error))
