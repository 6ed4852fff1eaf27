"""A board on Tornado: what one page writes appears on all of them, by WebSocket."""

from contextlib import suppress

from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

readers: set["Live"] = set()

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


class Page(RequestHandler):
    """The page."""

    def get(self) -> None:
        """Show it."""
        self.write(PAGE)


class Live(WebSocketHandler):
    """Passes on what somebody writes to everybody."""

    def open(self, *args: str, **kwargs: str) -> None:
        """Somebody reads."""
        readers.add(self)

    async def on_message(self, message: str | bytes) -> None:
        """Somebody writes."""
        for reader in [*readers]:
            with suppress(WebSocketClosedError):
                await reader.write_message(message)

    def on_close(self) -> None:
        """Somebody is gone."""
        readers.discard(self)


def make_app() -> Application:
    """The application."""
    return Application([("/", Page), ("/live", Live)])
