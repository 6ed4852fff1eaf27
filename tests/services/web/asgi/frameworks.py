"""The same small site in each framework: a greeting, an upload that is counted, a stream, an echo by WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

__all__ = ["FRAMEWORKS"]

PIECES, PIECE = 50, b"x" * 20_000


def starlette() -> Any:
    """Starlette: functions, some of them in threads."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"hello {request.query_params.get('name', 'world')}")

    async def count(request: Request) -> PlainTextResponse:
        size = 0
        async for piece in request.stream():
            size += len(piece)
        return PlainTextResponse(f"{size} bytes")

    async def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(pieces())

    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

    return Starlette(
        routes=[
            Route("/", hello),
            Route("/count", count, methods=["POST"]),
            Route("/stream", stream),
            WebSocketRoute("/echo", echo),
        ]
    )


def fastapi() -> Any:
    """FastAPI: typed parameters."""
    module = import_module("fastapi")
    responses = import_module("fastapi.responses")
    app = module.FastAPI()

    def hello(name: str = "world") -> Any:
        return responses.PlainTextResponse(f"hello {name}")

    async def count(request: Any) -> Any:
        return responses.PlainTextResponse(f"{len(await request.body())} bytes")

    async def stream() -> Any:
        return responses.StreamingResponse(pieces())

    async def echo(socket: Any) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

    count.__annotations__["request"] = module.Request
    echo.__annotations__["socket"] = module.WebSocket
    app.get("/", response_class=responses.PlainTextResponse)(hello)
    app.post("/count")(count)
    app.get("/stream")(stream)
    app.websocket("/echo")(echo)
    return app


def quart() -> Any:
    """Quart: Flask's ways."""
    from quart import Quart, request, websocket

    app = Quart("site")

    @app.get("/")
    async def hello() -> str:
        return f"hello {request.args.get('name', 'world')}"

    @app.post("/count")
    async def count() -> str:
        return f"{len(await request.get_data())} bytes"

    @app.get("/stream")
    async def stream() -> AsyncIterator[bytes]:
        return pieces()

    @app.websocket("/echo")
    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    return app


def django() -> Any:
    """Django: its views, in threads or not. It has no WebSocket."""
    conf, asgi = import_module("django.conf"), import_module("django.core.asgi")
    http, urls = import_module("django.http"), import_module("django.urls")
    decorators = import_module("django.views.decorators.csrf")

    def hello(request: Any) -> Any:
        return http.HttpResponse(f"hello {request.GET.get('name', 'world')}")

    async def count(request: Any) -> Any:
        return http.HttpResponse(f"{len(request.body)} bytes")

    async def stream(request: Any) -> Any:
        return http.StreamingHttpResponse(pieces())

    if not conf.settings.configured:
        conf.settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="test", DATA_UPLOAD_MAX_MEMORY_SIZE=10_000_000)
    paths = {"": hello, "count": decorators.csrf_exempt(count), "stream": stream}
    conf.settings.ROOT_URLCONF = tuple(urls.path(path, view) for path, view in paths.items())
    return asgi.get_asgi_application()


async def pieces() -> AsyncIterator[bytes]:
    """What is streamed."""
    for _ in range(PIECES):
        yield PIECE


FRAMEWORKS = {"starlette": starlette, "fastapi": fastapi, "quart": quart, "django": django}
