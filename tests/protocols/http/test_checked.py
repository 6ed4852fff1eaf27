"""HTTP under netforge's own checks: any chunking, any end, and no memory without bounds."""

from __future__ import annotations

from typing import Any

import pytest
from h2.connection import H2Connection

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


def http2() -> bytes:
    """A request with a body over HTTP/2."""
    core = H2Connection()
    core.initiate_connection()
    core.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/")])
    core.send_data(1, b"hello", end_stream=True)
    return core.data_to_send()


@pytest.mark.parametrize("application", [echo, ignore])
def test_a_server(application: Any) -> None:
    check_protocol(lambda reactor: HTTPFactory(application, reactor), REQUESTS, deadline=70, runs=20)


@pytest.mark.parametrize("application", [echo, ignore])
def test_a_server_of_http_2(application: Any) -> None:
    # When windows are opened and streams reset depends on what has come: the pieces do make a difference.
    check_protocol(lambda reactor: HTTPFactory(application, reactor), [http2()], chunking=False, deadline=70, runs=20)
