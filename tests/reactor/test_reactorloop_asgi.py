"""ASGI applications and what they are made with run on the small loop, on the simulated network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netforge.reactor.anyloop import loop_of
from netforge.testing import Network

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(1) as network:
        yield network
    assert network.failures == []


def served(network: Network, application: Application, *paths: str) -> list[tuple[int, bytes]]:
    """Start an application, ask for all paths at once, and stop it; status and body of each answer."""

    async def lifespan(steps: asyncio.Queue[Message], done: asyncio.Queue[str]) -> None:
        async def send(message: Message) -> None:
            await done.put(message["type"])

        await application({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, steps.get, send)

    async def main() -> list[tuple[int, bytes]]:
        steps: asyncio.Queue[Message] = asyncio.Queue()
        done: asyncio.Queue[str] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            group.create_task(lifespan(steps, done))
            await steps.put({"type": "lifespan.startup"})
            assert await done.get() == "lifespan.startup.complete"
            answers = await asyncio.gather(*(answered(application, path) for path in paths))
            await steps.put({"type": "lifespan.shutdown"})
            assert await done.get() == "lifespan.shutdown.complete"
        return answers

    task = asyncio.ensure_future(main(), loop=loop_of(network.machine("m").reactor))
    return network.run_until(Deferred.fromFuture(task))


async def answered(application: Application, path: str) -> tuple[int, bytes]:
    sent: list[Message] = []
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    await application(scope, incoming.get, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_an_application_by_hand_sleeps_and_works_in_threads(network: Network) -> None:
    lived: list[str] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{step}"
                lived.append(step)
                await send({"type": f"lifespan.{step}.complete"})
            return
        await receive()
        await asyncio.sleep(30)
        body = await asyncio.to_thread(scope["path"].upper)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    assert served(network, application, "/a", "/b") == [(200, b"/A"), (200, b"/B")]
    assert lived == ["startup", "shutdown"]
    assert network.now == 30


def test_an_application_of_starlette_with_all_that_anyio_does_for_it(network: Network) -> None:
    pytest.importorskip("starlette")
    from anyio import fail_after, sleep
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Route

    lived: list[str] = []

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        lived.append("startup")
        yield
        lived.append("shutdown")

    def in_thread(request: Request) -> PlainTextResponse:
        return PlainTextResponse("in a thread")

    async def slow(request: Request) -> PlainTextResponse:
        try:
            with fail_after(10):
                await sleep(60)
        except TimeoutError:
            return PlainTextResponse("too slow", 504)
        return PlainTextResponse("late")

    async def stream(request: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"one ", b"two ", b"three"):
                yield part
                await sleep(1)

        return StreamingResponse(parts())

    routes = [Route("/thread", in_thread), Route("/slow", slow), Route("/stream", stream)]
    application = Starlette(routes=routes, lifespan=lifespan)
    assert served(network, application, "/thread", "/slow", "/stream", "/none") == [
        (200, b"in a thread"),
        (504, b"too slow"),
        (200, b"one two three"),
        (404, b"Not Found"),
    ]
    assert lived == ["startup", "shutdown"]
    assert network.now == 10
