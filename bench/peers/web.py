"""netforge's web servers. Each imports what it serves itself: no other waits for that, or keeps it in memory."""

# ruff: noqa: PLC0415

from __future__ import annotations

from random import Random
from typing import Any

from bench.peers.hello import HELLO, asgi
from bench.peers.on_twisted import Factories
from bench.peers.serving import Arguments
from netforge.protocols.http import Exchange, HTTPFactory

__all__ = ["FACTORIES"]


def _make_site(reactor: Any, arguments: Arguments) -> HTTPFactory:
    from netforge.web import Site

    site = Site()
    text = HELLO.decode()

    @site.get("/hello")
    async def hello() -> str:
        return text

    @site.get("/users/{number:int}")
    async def user(number: int) -> str:
        return f"user {number}"

    return HTTPFactory(site, reactor)


def _make_asgi(reactor: Any, arguments: Arguments) -> HTTPFactory:
    return _host_asgi(reactor, asgi)


def _make_starlette(reactor: Any, arguments: Arguments) -> HTTPFactory:
    from bench.peers.hello_starlette import application

    return _host_asgi(reactor, application)


def _host_asgi(reactor: Any, application: Any) -> HTTPFactory:
    from netforge.services.web.asgi import ASGIApplication

    hosted = ASGIApplication(application, reactor.loop, reactor, lifespan="off")
    hosted.start()
    return HTTPFactory(hosted, reactor)


def _make_flask(reactor: Any, arguments: Arguments) -> HTTPFactory:
    from bench.peers.hello_flask import application
    from netforge.services.web.wsgi import WSGIApplication

    hosted = WSGIApplication(application, reactor, threads=16)
    hosted.start()
    return HTTPFactory(hosted, reactor)


def _make_static(reactor: Any, arguments: Arguments) -> HTTPFactory:
    from netforge.services.web.static import StaticFiles, StaticSettings

    settings = StaticSettings(root=arguments.folder / "files")
    return HTTPFactory(StaticFiles(settings, reactor, Random()), reactor)


def _make_websocket(reactor: Any, arguments: Arguments) -> HTTPFactory:
    from netforge.protocols.websocket import accept

    async def echo(exchange: Exchange) -> None:
        async with accept(exchange, clock=reactor) as socket:
            async for message in socket:
                socket.send(message)
                await socket.ready()

    return HTTPFactory(echo, reactor)


FACTORIES: Factories = {
    "http-hello": _make_site,
    "tls-http-hello": _make_site,
    "http-asgi": _make_asgi,
    "http-starlette": _make_starlette,
    "http-flask": _make_flask,
    "http-static": _make_static,
    "ws-echo": _make_websocket,
}
