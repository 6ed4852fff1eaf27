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

# What was found right: method, target and authority as text, by how they were written. There are few of them, unless
# somebody makes them up.
_KNOWN: dict[tuple[bytes, bytes, bytes], tuple[str, str, str]] = {}
_MOST_KNOWN = 4096
_LONGEST_KNOWN = 256


class RequestReader:
    """The requests of one connection.

    :param max_head: the most bytes of request line and fields, and of trailers.
    :param max_fields: the most fields.
    """

    __slots__ = (
        "_coming",
        "_ended",
        "_events",
        "_fields",
        "_framing",
        "_in_body",
        "_last",
        "_max_fields",
        "_max_head",
        "_offers",
        "_parser",
        "_rest",
        "_resuming",
        "_seen",
        "_skipped",
        "_target",
        "_telling",
        "_unfinished",
    )

    # Whether a body is being read; whether the request offered to switch protocols; and whether the parser takes its
    # body for another protocol, or is being told of it.
    _in_body: bool
    _offers: bool
    _skipped: bool
    _resuming: bool
    # What came of the head, or of trailers, so far; and those fields of it that decide how it is to be read.
    _target: bytes
    _fields: Headers
    _telling: Headers

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
        return self._unfinished > 0 and not self._in_body

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
        self._coming = len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if not self._offers:
                return self.salvaged() + self._resume(rest)
            self._rest = rest
        except HttpParserError as error:
            if not self._ended:
                raise _refusal(error) from None
        if events := self._events:
            self._events = []
            self._unfinished = 0
            # In which the next head may have begun.
            self._seen = self._coming
        else:
            self._unfinished += self._coming
            self._seen += self._coming
            if self._unfinished > self._max_head:
                # llhttp keeps a field that is not complete, however long.
                raise too_large("what stands between the data" if self._in_body else "the head", self._max_head)
        return events

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

    def on_url(self, url: bytes) -> None:
        # It may come in pieces.
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        field = (name, value.rstrip(b" \t"))
        self._fields.append(field)
        if name in TELLING:
            self._telling.append(field)

    def on_headers_complete(self) -> None:
        if self._resuming:
            return
        if self._seen + self._coming > self._max_head or len(self._fields) > self._max_fields:
            self._check_size("the head")
        parser, telling = self._parser, self._telling
        version = parser.get_http_version()
        known = None
        if version == "1.1" and len(telling) == 1 and telling[0][0] == b"host":
            known = _KNOWN.get((parser.get_method(), self._target, telling[0][1]))
        if known is not None:
            # As most requests are.
            method, target, authority = known
            self._last = not (keep_alive := parser.should_keep_alive())
            self._events.append(Request(method, target, authority, self._fields, version, keep_alive))
        else:
            request = self._request(version)
            self._in_body = request.has_body
            self._events.append(request)
        self._target, self._fields, self._telling = b"", [], []

    def on_body(self, body: bytes) -> None:
        self._events.append(Data(body))

    def on_message_complete(self) -> None:
        if self._skipped:
            return
        if self._in_body:
            self._in_body = False
            self._check_size("the trailer section")
            self._events.append(End(self._fields) if self._fields else END)
            self._expect()
        if self._last:
            self._ended = True

    def _request(self, version: str) -> Request:
        """A request that was not seen before, or whose fields say more than its host."""
        if version not in ("1.1", "1.0"):
            raise BadRequest(f"HTTP/{version} is not spoken here", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        parser = self._parser
        hosts = [value for name, value in self._telling if name == b"host"]
        if len(hosts) > 1:
            raise BadRequest("Host is given more than once")
        if not hosts and version == "1.1":
            raise BadRequest("Host is missing")
        known = _look_at((parser.get_method(), self._target, hosts[0] if hosts else b""))
        request = Request(*known, self._fields, version, parser.should_keep_alive())
        self._look_at_the_rest(request)
        if request.method == "CONNECT":
            if request.has_body:
                raise BadRequest("CONNECT has no body")
            request.upgrade = "tunnel"
        elif version == "1.0" or request.has_body or not parser.should_upgrade():
            # HTTP/1.0 cannot switch (RFC 9110, section 7.8), and a body is read before anything else.
            request.upgrade = ""
        self._offers = bool(request.upgrade)
        self._skipped = request.has_body and parser.should_upgrade()
        self._framing = [field for field in self._telling if field[0] in (b"content-length", b"transfer-encoding")]
        self._last = not request.keep_alive and not self._offers
        return request

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

    def _resume(self, rest: bytes) -> list[Event]:
        """Read on after an offer that cannot be taken. llhttp takes what follows any offer for another protocol, a body
        too: so another one is told of the body without the offer.
        """
        in_body, last, framing = self._skipped, self._last, self._framing
        self._begin()
        if in_body:
            head = b"POST / HTTP/1.1\r\nhost: a\r\n" + b"".join(b"%b: %b\r\n" % field for field in framing) + b"\r\n"
            self._resuming = True
            self._parser.feed_data(head)
            self._resuming, self._in_body, self._last = False, True, last
            self._expect()
        return self.receive_data(rest) if rest else []

    def _begin(self) -> None:
        self._parser = HttpRequestParser(self)
        self._in_body = self._resuming = self._skipped = False
        self._unfinished = self._seen = 0
        self._expect()

    def _expect(self) -> None:
        """Be ready for the fields of a head or of trailers."""
        self._target = b""
        self._fields = []
        self._telling = []

    def _check_size(self, what: str) -> None:
        """Look whether a head or trailers, complete now, are too large. That cannot be if nothing was that came."""
        fields = self._fields
        if len(fields) > self._max_fields:
            raise too_large(what, self._max_fields, "fields")
        if len(self._target) + sum([len(name) + len(value) + 4 for name, value in fields]) > self._max_head:
            raise too_large(what, self._max_head)


def _look_at(written: tuple[bytes, bytes, bytes]) -> tuple[str, str, str]:
    """Method, target and authority as text (RFC 9112, sections 3.2 and 3.3), given the method, target and Host.

    :raises BadRequest: if target or Host are not as they must be.
    """
    method, target, host = written
    if b"#" in target:
        raise BadRequest("the target has a fragment")
    if method == b"CONNECT":
        if b":" not in target:
            raise BadRequest("the target of CONNECT is no host and port")
        authority = host_of(target)
    elif absolute := ABSOLUTE.fullmatch(target):
        authority = host_of(absolute[1])
    elif target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        authority = host_of(host) if host else ""
    else:
        raise BadRequest("the target is neither a path nor a URL")
    if host:
        # It must be right even where the target says it.
        host_of(host)
    known = method.decode("ascii"), target.decode("ascii"), authority
    if method != b"CONNECT" and len(target) <= _LONGEST_KNOWN and len(_KNOWN) < _MOST_KNOWN:
        _KNOWN[written] = known
    return known


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
