"""HTTP under netforge's own checks: any chunking, any end, and no memory without bounds."""

from __future__ import annotations

from typing import Any

import pytest

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.testing import check_protocol

REQUESTS = [
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET /c HTTP/1.1\r\nHost: a\r\n\r\nPUT /d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
]


def echo(exchange: Exchange) -> None:
    """Answer with the body."""
    body: list[bytes] = []

    def more(piece: bytes) -> None:
        if piece:
            body.append(piece)
            read()
        else:
            exchange.respond(200, [], b"".join(body))

    def read() -> None:
        # Who goes away in the middle is not answered.
        exchange.read().addCallbacks(more, lambda failure: None)

    read()


def ignore(exchange: Exchange) -> None:
    """Answer at once."""
    exchange.respond(200, [], exchange.request.target.encode())


@pytest.mark.parametrize("application", [echo, ignore])
def test_a_server(application: Any) -> None:
    check_protocol(lambda reactor: HTTPFactory(application, reactor), REQUESTS, deadline=70, runs=20)
