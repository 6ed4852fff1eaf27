"""Requests, and what is answered to them."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from typing import NamedTuple

from tests.protocols.http.server import Server

__all__ = ["Answer", "ask", "chunked", "parsed", "request"]


class Answer(NamedTuple):
    """A response. Its body is as it came."""

    status: int
    fields: Message
    body: bytes


def request(*fields: str, method: str = "GET", target: str = "/", body: bytes = b"") -> bytes:
    """A request after which the connection is closed."""
    lines = [f"{method} {target} HTTP/1.1", "Host: example.org", "Connection: close", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(server: Server, *fields: str, method: str = "GET", target: str = "/", body: bytes = b"") -> Answer:
    """Ask, and wait for the whole answer."""
    peer = server.connect()
    peer.send(request(*fields, method=method, target=target, body=body))
    return parsed(peer.receive_all())


def parsed(said: bytes) -> Answer:
    """A response of which everything has come."""
    head, _, body = said.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    return Answer(int(line.split()[1]), BytesParser().parsebytes(fields), body)


def chunked(body: bytes) -> tuple[bytes, bytes]:
    """What is in a chunked body, and its trailers."""
    pieces: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        if not (length := int(size, 16)):
            return b"".join(pieces), body.removesuffix(b"\r\n")
        pieces.append(body[:length])
        body = body[length + 2 :]
