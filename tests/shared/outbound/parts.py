"""A server of a file, of which at first only a half comes."""

from __future__ import annotations

from netforge.protocols.http import Exchange

__all__ = ["CONTENT", "Parts"]

CONTENT = bytes(range(256)) * 4096


class Parts:
    """Serves a file.

    :ivar whole: whether all of it comes.
    :ivar ranges: what was asked for.
    """

    def __init__(self, tag: bytes = b'"v1"') -> None:
        self.tag = tag
        self.ranges: list[str] = []
        self.whole = False
        self.content = CONTENT

    def __call__(self, exchange: Exchange) -> None:
        asked = (exchange.request.header(b"range") or b"").decode()
        self.ranges.append(asked)
        begin = 0
        if asked and exchange.request.header(b"if-range") == self.tag:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        rest = self.content[begin:]
        fields = [(b"etag", self.tag), (b"content-length", b"%d" % len(rest))]
        if begin:
            size = len(self.content)
            fields.append((b"content-range", b"bytes %d-%d/%d" % (begin, size - 1, size)))
        exchange.begin(206 if begin else 200, fields)
        if not self.whole:
            exchange.write(rest[: len(rest) // 2])
            return
        exchange.write(rest)
        exchange.end()
