"""A WebSocket, as ASGI's messages."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Event
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.protocols.http import Exchange
from netforge.protocols.websocket import CloseCode, Closed, WebSocket, accept
from netforge.services.web.asgi.http import HTTPDialogue
from netforge.services.web.asgi.messages import (
    ClientDisconnected,
    Message,
    due_to_loss,
    fields_of,
    unexpected,
)
from netforge.services.web.awaiting import wait_for

__all__ = ["WEBSOCKET_EXTENSIONS", "WebSocketDialogue"]

log = Logger()

#: What may be sent beyond the specification's core.
WEBSOCKET_EXTENSIONS: dict[str, dict[str, Any]] = {"websocket.http.response": {}}

# How an application may answer the request.
_ANSWERS = ("websocket.accept", "websocket.close", "websocket.http.response.start")


class WebSocketDialogue:
    """One request for a WebSocket, and the WebSocket.

    :param exchange: the request, as our server has it.
    :param loop: where the application runs.
    :param clock: what silence is measured by.
    :param origins: see :func:`~netforge.protocols.websocket.accept`.
    :ivar spoken: whether the request is answered by the application, or by this for it.
    """

    def __init__(
        self, exchange: Exchange, loop: AbstractEventLoop, clock: IReactorTime, origins: Collection[str] | None
    ) -> None:
        self._exchange = exchange
        self._loop = loop
        self._clock = clock
        self._origins = origins
        self.spoken = False
        self._asked = False
        self._answered = Event()
        self._refusal: HTTPDialogue | None = None
        self._socket: WebSocket | None = None
        self._closed = False
        exchange.when_done(lambda _: self._answered.set())

    # From the client.

    async def receive(self) -> Message:
        """First that it wants to connect; once it may, its messages; and that it is gone.

        :raises RuntimeError: somebody else waits for the next message.
        """
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        await self._answered.wait()
        if self._socket is None:
            return {"type": "websocket.disconnect", "code": CloseCode.ABNORMAL.value, "reason": ""}
        try:
            data = await wait_for(self._socket.receive(), self._loop)
        except Closed as closed:
            return {"type": "websocket.disconnect", "code": int(closed.code), "reason": closed.reason}
        if isinstance(data, str):
            return {"type": "websocket.receive", "text": data}
        return {"type": "websocket.receive", "bytes": data}

    # To the client.

    async def send(self, message: Message) -> None:
        """Accept or refuse, then say something or close; waits while the client has no room.

        :raises RuntimeError: it is not its turn.
        :raises LocalProtocolError: WebSocket or HTTP have no words for it.
        :raises HTTPError: it cannot be accepted: the client asks in a wrong way, or for another origin's page.
        :raises ClientDisconnected: the client is gone.
        """
        kind, socket = message["type"], self._socket
        if self._closed:
            raise unexpected(kind, ())
        if socket is None:
            await self._answer(kind, message)
        elif socket.closed is not None:
            raise ClientDisconnected
        elif kind == "websocket.send":
            text = message.get("text")
            socket.send(message["bytes"] if text is None else text)
            await wait_for(socket.ready(), self._loop)
        elif kind == "websocket.close":
            self._closed = True
            socket.close(message.get("code", CloseCode.NORMAL), message.get("reason") or "")
        else:
            raise unexpected(kind, ("websocket.send", "websocket.close"))

    async def _answer(self, kind: str, message: Message) -> None:
        if self._exchange.lost or (self._exchange.complete and self._refusal is None):
            raise ClientDisconnected
        self.spoken = True
        if self._refusal is not None or kind == _ANSWERS[-1]:
            if self._refusal is None:
                self._refusal = HTTPDialogue(self._exchange, self._loop)
            if not kind.startswith("websocket.http."):
                raise unexpected(kind, ("websocket.http.response.body",))
            await self._refusal.send({**message, "type": kind.removeprefix("websocket.")})
        elif kind == "websocket.accept":
            self._socket = accept(
                self._exchange,
                clock=self._clock,
                subprotocol=message.get("subprotocol"),
                fields=fields_of(message),
                origins=self._origins,
            )
        elif kind == "websocket.close":
            self._closed = True
            self._exchange.respond(HTTPStatus.FORBIDDEN)
        else:
            raise unexpected(kind, _ANSWERS)

    # The end of the application.

    def ended(self) -> None:
        """It returned."""
        if self._socket is not None:
            self._socket.close()
        elif not self._exchange.complete and not self._exchange.lost:
            self.failed(Failure(RuntimeError("the application ended without accepting or refusing")))

    def failed(self, failure: Failure) -> None:
        """It raised."""
        socket, request = self._socket, self._exchange.request
        if socket is None:
            self.spoken = True
            self._exchange.fail(failure)
            return
        if socket.closed is None or not due_to_loss(failure.value):
            log.failure("the application failed at the WebSocket {target}", failure, target=request.target)
        socket.close(CloseCode.INTERNAL_ERROR)

    def cut(self) -> None:
        """It was cancelled."""
        if self._socket is not None:
            self._socket.abort()
        else:
            self._exchange.abort()
