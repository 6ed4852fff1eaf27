"""HTTP/1.1 requests (RFC 9112): what a client says, to bytes. It cannot break the framing."""

from __future__ import annotations

import re

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._fields import TOKEN, check_values, lower_name, named
from netforge.protocols.http.exchange import Fields

__all__ = ["RequestWriter"]

#: What may stand between the spaces of a request line.
TARGET = re.compile(r"[!-~]+")
#: Fields that are the writer's own.
FRAMING = frozenset((b"connection", b"content-length", b"transfer-encoding", b"upgrade"))
#: Methods whose requests have a body by their nature: an empty one is said too (RFC 9110, section 8.6).
BODIED = frozenset(("POST", "PUT", "PATCH"))


class RequestWriter:
    """One request. What cannot be said raises :exc:`LocalProtocolError` and changes nothing.

    :ivar complete: whether all was said.
    """

    __slots__ = ("_chunked", "_left", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._chunked = False
        self._left = 0

    def begin(self, method: str, target: str, headers: Fields, length: int | None = 0, upgrade: str = "") -> bytes:
        """The head.

        :param headers: the fields, with one Host, and without those that say how connection and body are framed.
        :param length: of the body, which follows by :meth:`data` and :meth:`end`; ``None`` sends it in chunks.
        :param upgrade: the protocols that are offered to switch to.
        :raises LocalProtocolError: if it would be read as something else, or a body would follow an offer.
        """
        if not TOKEN.fullmatch(method.encode()) or method == "CONNECT":
            raise LocalProtocolError(f"{method!r} is no method that can be asked for here")
        if not TARGET.fullmatch(target):
            raise LocalProtocolError(f"{target[:100]!r} is no target")
        if upgrade and length != 0:
            raise LocalProtocolError("a request that offers to switch protocols has no body here")
        fields = [*headers]
        names = [lower_name(name) for name, _ in fields]
        if names.count(b"host") != 1:
            raise LocalProtocolError("a request has one Host")
        if taken := FRAMING.intersection(names):
            raise LocalProtocolError(f"{min(taken).decode()} is the client's own field: leave it out")
        if upgrade:
            fields += [(b"connection", b"upgrade"), (b"upgrade", upgrade.encode("latin-1"))]
        if length is None:
            fields.append((b"transfer-encoding", b"chunked"))
        elif length or method in BODIED:
            fields.append((b"content-length", b"%d" % length))
        check_values(fields)
        self._chunked, self._left = length is None, length or 0
        lines = b"".join([b"%b: %b\r\n" % field for field in fields])
        return f"{method} {target} HTTP/1.1\r\n".encode() + lines + b"\r\n"

    def data(self, data: bytes) -> bytes:
        """A piece of the body.

        :raises LocalProtocolError: after its end, or beyond its length.
        """
        if self.complete:
            raise LocalProtocolError("the request is complete")
        if self._chunked:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        if len(data) > self._left:
            raise LocalProtocolError(f"the body has more bytes than were promised: {len(data) - self._left}")
        self._left -= len(data)
        return data

    def end(self, trailers: Fields = ()) -> bytes:
        """The end of the body. Trailers are said only where it is chunked.

        :raises LocalProtocolError: if it has ended, or has fewer bytes than were promised.
        """
        if self.complete:
            raise LocalProtocolError("the request is complete")
        if self._left:
            raise LocalProtocolError(f"the body lacks bytes that were promised: {self._left}")
        last = b""
        if self._chunked:
            fields = named(trailers)
            check_values(fields)
            last = b"0\r\n" + b"".join([b"%b: %b\r\n" % field for field in fields]) + b"\r\n"
        self.complete = True
        return last
