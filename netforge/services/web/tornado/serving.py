"""Passing a request on to Tornado, as its own server would."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Awaitable
from http import HTTPStatus

from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
)
from twisted.python.failure import Failure

from netforge.protocols.http import Exchange, HTTPError, Request, raw_target
from netforge.services.web.awaiting import Upload
from netforge.services.web.tornado.connection import ExchangeConnection

__all__ = ["head_of", "serve"]


async def serve(
    exchange: Exchange, application: HTTPServerConnectionDelegate, loop: AbstractEventLoop, max_body: int
) -> None:
    """Pass a request on. Its handler answers it, now or later.

    :param max_body: bytes of its body, unless its handler says otherwise.
    """
    connection = ExchangeConnection(exchange, loop, max_body)
    delegate = application.start_request(exchange.transport, connection)
    try:
        await _settled(delegate.headers_received(*head_of(exchange.request)))
        if await _pass_on(Upload(exchange, loop), connection, delegate):
            delegate.finish()
        else:
            delegate.on_connection_close()
    except HTTPInputError as error:
        exchange.fail(Failure(HTTPError(HTTPStatus.BAD_REQUEST, str(error))))
    except Exception:
        exchange.fail(Failure())


def head_of(request: Request) -> tuple[RequestStartLine, HTTPHeaders]:
    """The head of a request, as Tornado has it."""
    path, query = raw_target(request.target)
    headers = HTTPHeaders()
    for name, value in request.headers:
        # An offer that is none, as in HTTP/1.0, is to be ignored (RFC 9110, section 7.8). Tornado would take it.
        if name != b"upgrade" or request.upgrade:
            headers.add(name.decode("latin-1"), value.decode("latin-1"))
    if request.target != "*":
        path = path or "/"
    target = f"{path}?{query}" if query else path or "*"
    return RequestStartLine(request.method, target, f"HTTP/{request.version}"), headers


async def _pass_on(upload: Upload, connection: ExchangeConnection, delegate: HTTPMessageDelegate) -> bool:
    """Pass the body on; whether it was all there, and wanted.

    :raises HTTPError: with status 413, if it is too large.
    """
    size = 0
    while piece := await upload.piece():
        size += len(piece)
        if size > connection.max_body:
            raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
        await _settled(delegate.data_received(piece))
    return piece is not None


async def _settled(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result
