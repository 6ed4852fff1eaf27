"""A board on Starlette: what one page writes appears on all of them, by WebSocket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

readers: set[WebSocket] = set()

PAGE = """<!doctype html>
<title>Board</title>
<h1>Board</h1>
<form><input name="line" required autofocus> <button>Write</button></form>
<ul></ul>
<script>
const board = new WebSocket(location.href.replace(/^http/, "ws") + "live");
const form = document.querySelector("form");
board.onmessage = message => {
    const line = document.createElement("li");
    line.textContent = message.data;
    document.querySelector("ul").prepend(line);
};
form.onsubmit = event => {
    event.preventDefault();
    board.send(form.line.value);
    form.reset();
};
</script>
"""


async def page(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(PAGE)


async def live(reader: WebSocket) -> None:
    """Pass on what somebody writes to everybody."""
    await reader.accept()
    readers.add(reader)
    try:
        async for line in reader.iter_text():
            for other in [*readers]:
                with suppress(WebSocketDisconnect):
                    await other.send_text(line)
    finally:
        readers.remove(reader)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Runs from before the first request until after the last."""
    print("the board is up", flush=True)
    yield
    print("the board is down", flush=True)


app = Starlette(routes=[Route("/", page), WebSocketRoute("/live", live)], lifespan=lifespan)
