"""HTTP/1.1 requests (RFC 9112): bytes to events. llhttp parses; what it lets pass is refused here."""

from __future__ import annotations

import re
from http import HTTPStatus

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from netforge.protocols.http._fields import host_of, too_large
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.events import END, Data, End, Event, Headers, Request

__all__ = ["RequestReader"]

#: The parts of a target in absolute form (RFC 9112, section 3.2.2), without user information (RFC 9110, section 4.2.4).
ABSOLUTE = re.compile(rb"https?://([^/?@]+)(?:[/?].*)?", re.IGNORECASE)

#: The fields that decide how a message is to be read.
TELLING = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect", b"upgrade"))

#: Methods as text.
_METHODS: dict[bytes, str] = {}


class RequestReader:
    """The requests of one connection.

    :param max_head: the most bytes of request line and fields, and of trailers.
    :param max_fields: the most fields.
    """

    __slots__ = (
        "_chunked",
        "_ended",
        "_events",
        "_fields",
        "_in_head",
        "_max_fields",
        "_max_head",
        "_parser",
        "_rest",
        "_room",
        "_target",
        "_telling",
        "_unfinished",
    )

    def __init__(self, max_head: int = 16 * 1024, max_fields: int = 100) -> None:
        self._max_head = max_head
        self._max_fields = max_fields
        self._events: list[Event] = []
        # What came after a request that offered to switch protocols, until somebody says what it is.
        self._rest: bytes | None = None
        self._ended = False
        self._begin()

    @property
    def in_head(self) -> bool:
        """Whether a request has begun whose head is not complete."""
        return self._in_head

    def receive_data(self, data: bytes) -> list[Event]:
        """Take what the client sent.

        After a request that offers to switch protocols (``Request.upgrade``) everything is kept back until
        :meth:`stay` or :meth:`switch` says how to go on. After one that was the last, everything is ignored.

        :raises BadRequest: if it is no request. Those before it are in :meth:`salvaged`; nothing may follow.
        """
        if self._rest is not None:
            self._rest += data
            return []
        if self._ended:
            return []
        try:
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
            raise too_large("the head" if self._in_head else "what stands between the data", self._max_head)
        else:
            self._unfinished += len(data)
        return self.salvaged()

    def salvaged(self) -> list[Event]:
        """The events so far that :meth:`receive_data` has not returned, since it raised."""
        events, self._events = self._events, []
        return events

    def stay(self, kept: bytes) -> list[Event]:
        """The protocol is not switched: read on.

        :param kept: what :meth:`switch` has returned.
        :raises BadRequest: as :meth:`receive_data`.
        """
        self._begin()
        return self.receive_data(kept) if kept else []

    def switch(self) -> bytes:
        """What was kept back. If the protocol is switched, it belongs to the new one."""
        rest, self._rest = self._rest or b"", None
        return rest

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._in_head = True
        self._room = self._max_head
        self._target = b""
        self._fields: Headers = []
        self._telling: Headers = []

    def on_url(self, url: bytes) -> None:
        # It may come in pieces.
        self._target += url
        self._room -= len(url)
        if self._room < 0:
            raise self._too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._room -= len(name) + len(value) + 4
        if self._room < 0:
            raise self._too_large()
        name = name.lower()
        field = (name, value.rstrip(b" \t"))
        self._fields.append(field)
        if name in TELLING:
            self._telling.append(field)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self._fields) > self._max_fields:
            raise too_large("the head", self._max_fields, "fields")
        parser, target = self._parser, self._target
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise BadRequest(f"HTTP/{version} is not spoken here", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        raw = parser.get_method()
        method = _METHODS.get(raw) or _METHODS.setdefault(raw, raw.decode("ascii"))
        hosts = [value for name, value in self._telling if name == b"host"]
        request = Request(
            method,
            target.decode("ascii"),
            _authority(method, target, hosts, version),
            self._fields,
            version,
            parser.should_keep_alive(),
        )
        if len(self._telling) > len(hosts):
            self._look_at_the_rest(request)
        if parser.should_upgrade():
            request.upgrade = request.upgrade if method != "CONNECT" else "tunnel"
        else:
            request.upgrade = ""
        self._events.append(request)
        # Fields that follow are trailers.
        self._fields = []
        self._room = self._max_head

    def on_body(self, body: bytes) -> None:
        self._events.append(Data(body))

    def on_message_complete(self) -> None:
        if len(self._fields) > self._max_fields:
            raise too_large("the trailer section", self._max_fields, "fields")
        self._events.append(End(self._fields) if self._fields else END)
        if not self._parser.should_keep_alive() and not self._parser.should_upgrade():
            self._ended = True

    def _look_at_the_rest(self, request: Request) -> None:
        codings, expected = [], []
        for name, value in self._telling:
            if name == b"content-length":
                request.has_body = value.strip(b"0") != b""
            elif name == b"transfer-encoding":
                codings.append(value.lower())
            elif name == b"expect":
                expected.append(value.lower())
            elif name == b"upgrade":
                request.upgrade = value.decode("latin-1").lower()
        if codings:
            _check_coding(codings, request.version)
            request.has_body = True
        if expected:
            if expected != [b"100-continue"]:
                raise BadRequest("only 100-continue can be expected", HTTPStatus.EXPECTATION_FAILED)
            request.expects = request.version == "1.1"

    def _begin(self) -> None:
        self._parser = HttpRequestParser(self)
        self._in_head = False
        self._unfinished = 0

    def _too_large(self) -> BadRequest:
        return too_large("the head" if self._in_head else "the trailer section", self._max_head)


def _authority(method: str, target: bytes, hosts: list[bytes], version: str) -> str:
    """Host and port that a request is for (RFC 9112, sections 3.2 and 3.3).

    :raises BadRequest: if target or Host are not as they must be.
    """
    if len(hosts) > 1:
        raise BadRequest("Host is given more than once")
    if not hosts and version == "1.1":
        raise BadRequest("Host is missing")
    authority = host_of(hosts[0]) if hosts else ""
    if b"#" in target:
        raise BadRequest("the target has a fragment")
    if method == "CONNECT":
        if b":" not in target:
            raise BadRequest("the target of CONNECT is no host and port")
        return host_of(target)
    if target.startswith(b"/"):
        return authority
    if absolute := ABSOLUTE.fullmatch(target):
        return host_of(absolute[1])
    if target != b"*" or method != "OPTIONS":
        raise BadRequest("the target is neither a path nor a URL")
    return authority


def _check_coding(codings: list[bytes], version: str) -> None:
    """Refuse what llhttp lets pass of Transfer-Encoding (RFC 9112, section 6.1)."""
    if version == "1.0":
        raise BadRequest("HTTP/1.0 has no Transfer-Encoding")
    if codings != [b"chunked"]:
        raise BadRequest("no Transfer-Encoding but chunked is known here", HTTPStatus.NOT_IMPLEMENTED)


def _refusal(error: HttpParserError) -> BadRequest:
    """What to say for an error of the parser, or of ours out of one of its callbacks."""
    if isinstance(error, HttpParserCallbackError) and isinstance(error.__context__, BadRequest):
        return error.__context__
    if isinstance(error, HttpParserInvalidMethodError):
        return BadRequest("the method is not known here", HTTPStatus.NOT_IMPLEMENTED)
    return BadRequest(str(error))
