"""The head of a server's answer (RFC 9112, section 4): all of HTTP that a client of WebSocket needs."""

from __future__ import annotations

import re

from netforge.protocols.http import Headers
from netforge.protocols.websocket.errors import Refused

__all__ = ["Response", "ResponseReader"]

#: The most bytes of a head.
MOST = 16 * 1024

_STATUS = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")


class Response:
    """The head of an answer.

    :ivar status: the number.
    :ivar headers: the fields, their names in lower case.
    """

    def __init__(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        status = _STATUS.fullmatch(first)
        if status is None:
            raise Refused(f"this is no answer of HTTP/1.1: {first[:100]!r}")
        self.status = int(status[1])
        self.headers: Headers = []
        for line in lines:
            field = _FIELD.fullmatch(line)
            if field is None:
                raise Refused(f"this is no field of an answer: {line[:100]!r}", self.status)
            self.headers.append((field[1].lower(), field[2]))

    def header(self, name: bytes) -> str:
        """The value of a field, its lines joined by commas; empty without one."""
        return b", ".join(value for key, value in self.headers if key == name).decode("latin-1")


class ResponseReader:
    """Waits for the head of an answer.

    :ivar rest: what came after it.
    """

    def __init__(self) -> None:
        self.rest = b""

    def receive_data(self, data: bytes) -> Response | None:
        """Take what came; the head, once all of it is there. Interim ones (RFC 9110, section 15.2) are passed over.

        :raises Refused: if it is none, or too large.
        """
        self.rest += data
        while True:
            head, end, rest = self.rest.partition(b"\r\n\r\n")
            if len(head) > MOST:
                raise Refused(f"the head of the answer has more than {MOST} bytes")
            if not end:
                return None
            self.rest = rest
            response = Response(head)
            if response.status == 101 or response.status >= 200:
                return response
