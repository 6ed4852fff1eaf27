"""Who is here in a browser: a member of the hub for as long as a WebSocket lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from netforge.protocols.websocket import CloseCode, WebSocket
from netforge.services.chat.answers import Welcome
from netforge.services.chat.events import Event
from netforge.services.chat.hub import Hub
from netforge.services.chat.objects import Objects, obeyed, plain

__all__ = ["Visitors"]

_OBJECTS = Objects()


@dataclass(frozen=True, slots=True)
class _Message:
    """A message as it is sent.

    :param size: its bytes.
    """

    text: str
    size: int

    @classmethod
    def of(cls, one: dict[str, Any]) -> _Message:
        payload = _OBJECTS.encode(one)
        return cls(payload.decode(), len(payload))


class Visitors:
    """All of them. Outlives reloads.

    :param hub: where they meet others.
    """

    def __init__(self, hub: Hub, clock: IReactorTime) -> None:
        self.hub = hub
        self.clock = clock
        self._sockets: set[WebSocket] = set()
        self._latest: tuple[Event | None, _Message] = None, _Message("", 0)

    async def receive(self, socket: WebSocket, unsent: int) -> None:
        """Let somebody in, until they leave.

        :param unsent: the most bytes of events that wait for a slow reader while the transport's buffer is full.
        """
        self._sockets.add(socket)
        try:
            await _Visitor(socket, self, unsent).stay()
        finally:
            self._sockets.remove(socket)

    def dismiss(self) -> None:
        """Close all WebSockets, since the chat stops."""
        for socket in self._sockets:
            socket.close(CloseCode.GOING_AWAY, "the chat is stopping")

    def message(self, event: Event) -> _Message:
        """What an event is, made for the first who asks and then the same for all."""
        latest, message = self._latest
        if latest is not event:
            message = _Message.of(plain(event))
            self._latest = event, message
        return message


class _Visitor:
    def __init__(self, socket: WebSocket, visitors: Visitors, most: int) -> None:
        self._socket = socket
        self._all = visitors
        self._most = most
        # Whether the transport's buffer is full, and the bytes of events since then.
        self._full = False
        self._unsent = 0
        self._slow = False
        self._member = visitors.hub.enter(self._deliver)

    async def stay(self) -> None:
        """Do what is asked for, one request at a time: others get what that causes before the next one is read."""
        hub, member = self._all.hub, self._member
        self._answer(plain(Welcome(member.nick)))
        try:
            async for message in self._socket:
                payload = message.encode() if isinstance(message, str) else message
                self._answer(obeyed(_OBJECTS.decode(payload), hub, member))
                if member not in hub:
                    return
                # What is answered does not count as unsent. So nobody may ask for more than they read.
                await self._socket.ready()
                await deferLater(self._all.clock, 0)
        finally:
            hub.leave(member, self._why)

    @property
    def _why(self) -> str:
        """Why they left, for the others; empty if that was what they wanted."""
        if self._slow:
            return "reads too slowly"
        closed = self._socket.closed
        return "connection lost" if closed is not None and closed.code == CloseCode.ABNORMAL else ""

    def _answer(self, answer: dict[str, Any]) -> None:
        self._socket.send(_Message.of(answer).text)

    def _deliver(self, event: Event) -> None:
        message = self._all.message(event)
        if not self._full and not (room := self._socket.ready()).called:
            self._full = True
            room.addCallback(self._has_room)
        if self._full:
            self._unsent += message.size
            if self._unsent > self._most:
                self._slow = True
                self._socket.abort()
                return
        self._socket.send(message.text)

    def _has_room(self, _: None) -> None:
        self._full = False
        self._unsent = 0
