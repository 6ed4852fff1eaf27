"""A request and its response, as ASGI's messages."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Event
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from twisted.python.failure import Failure

from netforge.protocols.http import Exchange, HTTPError
from netforge.services.web.asgi.messages import (
    ClientDisconnected,
    Message,
    due_to_loss,
    fields_of,
    unexpected,
)
from netforge.services.web.awaiting import Upload, wait_for

__all__ = ["HTTP_EXTENSIONS", "HTTPDialogue"]

#: What may be sent beyond the specification's core (the ASGI specification, "Extensions").
HTTP_EXTENSIONS: dict[str, dict[str, Any]] = {
    "http.response.early_hint": {},
    "http.response.pathsend": {},
    "http.response.trailers": {},
}

#: How much of a file is read at once, in bytes.
PIECE = 256 * 1024

# What is to be sent next. A head waits for the first piece of the body, as the specification has it.
_HEAD, _BODY, _MORE_BODY, _TRAILERS, _NOTHING = range(5)
_EXPECTED = (
    ("http.response.start",),
    ("http.response.body",),
    ("http.response.body",),
    ("http.response.trailers",),
    (),
)


class HTTPDialogue:
    """One request and its response.

    :param exchange: the same, as our server has it.
    :param loop: where the application runs.
    :ivar spoken: whether the response is by the application, or by this for it.
    """

    __slots__ = ("_exchange", "_head", "_loop", "_over", "_received", "_stage", "_trailers", "_upload", "spoken")

    def __init__(self, exchange: Exchange, loop: AbstractEventLoop) -> None:
        self._exchange = exchange
        self._loop = loop
        self.spoken = False
        self._stage = _HEAD
        self._head: Message = {}
        self._trailers: list[tuple[bytes, bytes]] = []
        self._received = False
        self._upload: Upload | None = None
        self._over: Event | None = None

    # From the client.

    async def receive(self) -> Message:
        """The next piece of the request; after it, that client or response are gone, as soon as they are.

        :raises RuntimeError: somebody else waits for the next piece.
        """
        exchange = self._exchange
        if not self._received:
            if not exchange.request.has_body:
                self._received = True
                return {"type": "http.request", "body": b"", "more_body": False}
            if self._upload is None:
                self._upload = Upload(exchange, self._loop)
            try:
                piece = await self._upload.piece()
            except HTTPError:
                # It is too large, say, and frameworks would make another error of that.
                self.failed(Failure())
                piece = None
            if piece is not None:
                self._received = not piece
                return {"type": "http.request", "body": piece, "more_body": bool(piece)}
        if not exchange.complete and not exchange.lost:
            if self._over is None:
                self._over = over = Event()
                exchange.when_done(lambda _: over.set())
            await self._over.wait()
        return {"type": "http.disconnect"}

    # To the client.

    async def send(self, message: Message) -> None:
        """Say the next part of the response; waits while the client has no room.

        :raises RuntimeError: it is not its turn.
        :raises LocalProtocolError: HTTP has no words for it.
        :raises ClientDisconnected: the client is gone.
        """
        exchange, stage, kind = self._exchange, self._stage, message["type"]
        if (exchange.lost or exchange.complete) and stage is not _NOTHING:
            # Or somebody else has answered, since it took too long.
            raise ClientDisconnected
        if stage is _HEAD and kind == "http.response.start":
            self._head = message
            self._stage = _BODY
        elif (stage is _BODY or stage is _MORE_BODY) and kind == "http.response.body":
            self.spoken = True
            data, more, head = message.get("body", b""), message.get("more_body"), self._head
            if stage is _BODY and not more and not head.get("trailers"):
                exchange.respond(head["status"], fields_of(head, len(data)), data)
                self._stage = _NOTHING
            else:
                await self._send_piece(data, more)
        elif stage is _BODY and kind == "http.response.pathsend":
            self.spoken = True
            await self._send_file(Path(message["path"]))
        elif stage is _TRAILERS and kind == "http.response.trailers":
            self._trailers += fields_of(message)
            if not message.get("more_trailers"):
                self._send_trailers()
        elif stage <= _BODY and kind == "http.response.early_hint":
            exchange.inform(HTTPStatus.EARLY_HINTS, [(b"link", link) for link in message["links"]])
        else:
            raise unexpected(kind, _EXPECTED[stage])

    async def _send_piece(self, data: bytes, more: object) -> None:
        exchange, head = self._exchange, self._head
        if self._stage is _BODY:
            exchange.begin(head["status"], fields_of(head))
            self._stage = _MORE_BODY
        exchange.write(data)
        if more:
            await wait_for(exchange.ready(), self._loop)
        elif head.get("trailers"):
            self._stage = _TRAILERS
        else:
            self._stage = _NOTHING
            exchange.end()

    async def _send_file(self, path: Path) -> None:
        in_thread = partial(self._loop.run_in_executor, None)
        with await in_thread(path.open, "rb") as file:
            while piece := await in_thread(file.read, PIECE):
                await self._send_piece(piece, True)
                if self._exchange.lost:
                    raise ClientDisconnected
        await self._send_piece(b"", False)

    def _send_trailers(self) -> None:
        """End the response, with its trailers for a client that would take them (RFC 9110, section 6.5.1)."""
        wanted = self._exchange.request.header(b"te") or b""
        self._stage = _NOTHING
        self._exchange.end(self._trailers if b"trailers" in wanted.lower() else ())

    # The end of the application.

    def ended(self) -> None:
        """It returned."""
        exchange = self._exchange
        if not exchange.complete and not exchange.lost:
            self.failed(Failure(RuntimeError("the application ended without a whole response")))

    def failed(self, failure: Failure) -> None:
        """It raised."""
        exchange = self._exchange
        self.spoken = True
        if not (due_to_loss(failure.value) and (exchange.lost or exchange.complete)):
            exchange.fail(failure)

    def cut(self) -> None:
        """It was cancelled."""
        self._exchange.abort()
