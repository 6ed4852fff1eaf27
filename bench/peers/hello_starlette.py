"""The same answer by Starlette."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bench.peers.hello import HELLO

__all__ = ["application"]


async def _hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(HELLO)


application = Starlette(routes=[Route("/hello", _hello)])
