"""``RedisSession``: what a bus has of Redis from one connection to its loss."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError
from twisted.internet.defer import Deferred

from netforge.plugin import ISubscription
from netforge.shared.bus.topics import Topics

__all__ = ["RedisSession"]

#: The most bytes that wait for Redis to take them: a second's worth on a fast network, and no danger to the memory.
MOST_WAITING = 16 * 1024 * 1024

#: The most messages that are sent before the answers to them are read.
BATCH = 100


@dataclass(eq=False, slots=True)
class _Message:
    topic: str
    content: bytes
    taken: Deferred[None] = field(default_factory=Deferred)


@dataclass(eq=False, slots=True)
class _Wish:
    """A subscription that Redis has not confirmed yet."""

    receive: Callable[[bytes], object]
    stands: Deferred[ISubscription] = field(default_factory=Deferred)


class RedisSession:
    """Two connections: one to publish by, and one that is subscribed, since Redis lets that one do nothing else.

    :param publisher: the one, which is not connected yet.
    :param subscriber: the other.
    :param topics: who listens; all of that is subscribed when the session begins.
    """

    def __init__(self, publisher: AbstractConnection, subscriber: AbstractConnection, topics: Topics) -> None:
        self._publisher = publisher
        self._subscriber = subscriber
        self._topics = topics
        self._messages: deque[_Message] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._commands: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._wishes: dict[str, deque[_Wish]] = {}

    async def open(self) -> None:
        """Connect, and subscribe to what there is.

        :raises OSError, redis.RedisError: if that fails; then nothing is left open.
        """
        try:
            await self._publisher.connect()
            await self._subscriber.connect()
            if names := set(self._topics.names):
                await self._subscriber.send_command("SUBSCRIBE", *names)
                while names:
                    names.discard(await self._receive_one())
        except BaseException:
            await self._disconnect(lost=True)
            raise

    async def run(self) -> None:
        """Do everything, until the connection is lost.

        :raises OSError, redis.RedisError: that it is lost.
        """
        tasks = [asyncio.ensure_future(one()) for one in (self._publish, self._send, self._receive)]
        lost = False
        try:
            await asyncio.gather(*tasks)
        except Exception:
            lost = True
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._disconnect(lost=lost)

    def fail(self, reason: Callable[[], ConnectionError]) -> None:
        """Tell everyone who waits that the connection is lost."""
        messages, self._messages = self._messages, deque()
        wishes, self._wishes = self._wishes, {}
        waiting: list[Deferred[Any]] = [message.taken for message in messages]
        waiting += [wish.stands for several in wishes.values() for wish in several]
        for deferred in _wanted(waiting):
            deferred.errback(reason())

    def publish(self, topic: str, content: bytes) -> Deferred[None]:
        """Send a message, in its turn."""
        if self._size + len(content) > MOST_WAITING:
            raise ConnectionError(f"Redis is too slow: {self._size} bytes wait for it")
        message = _Message(topic, content)
        self._messages.append(message)
        self._size += len(content)
        self._more.set()
        return message.taken

    def subscribe(self, topic: str, receive: Callable[[bytes], object]) -> Deferred[ISubscription]:
        """Subscribe, for each subscriber anew: what comes after the confirmation is for all of them."""
        wish = _Wish(receive)
        self._wishes.setdefault(topic, deque()).append(wish)
        self._commands.put_nowait(("SUBSCRIBE", topic))
        return wish.stands

    def deserted(self, topic: str) -> None:
        """Unsubscribe, unless somebody is about to listen."""
        if topic not in self._wishes and topic not in self._topics.names:
            self._commands.put_nowait(("UNSUBSCRIBE", topic))

    async def _publish(self) -> None:
        while True:
            await self._more.wait()
            batch = list(islice(self._messages, BATCH))
            commands = [("PUBLISH", message.topic, message.content) for message in batch]
            await self._publisher.send_packed_command(self._publisher.pack_commands(commands))
            for message in batch:
                refusal = await self._answer()
                self._messages.popleft()
                self._size -= len(message.content)
                if not self._messages:
                    self._more.clear()
                for taken in _wanted([message.taken]):
                    taken.callback(None) if refusal is None else taken.errback(refusal)

    async def _answer(self) -> ConnectionError | None:
        """Why the next message was not taken; ``None`` if it was."""
        try:
            await self._publisher.read_response()
        except ResponseError as error:
            return ConnectionError(f"Redis does not take the message: {error}")
        return None

    async def _send(self) -> None:
        while True:
            await self._subscriber.send_command(*await self._commands.get())

    async def _receive(self) -> None:
        while True:
            await self._receive_one()

    async def _receive_one(self) -> str | None:
        """Read what comes next; a topic if it is confirmed now."""
        kind, name, content = await self._subscriber.read_response()
        topic: str = name.decode()
        if kind == b"message":
            self._topics.arrived(topic, content)
        elif kind == b"subscribe":
            self._confirmed(topic)
            return topic
        return None

    def _confirmed(self, topic: str) -> None:
        if topic not in self._wishes:
            return
        wishes = self._wishes[topic]
        wish = wishes.popleft()
        if not wishes:
            del self._wishes[topic]
        for stands in _wanted([wish.stands]):
            stands.callback(self._topics.subscribe(topic, wish.receive))
            return
        self.deserted(topic)

    async def _disconnect(self, *, lost: bool) -> None:
        """Close the connections: in good order, which takes a moment, unless they are lost."""
        for connection in (self._publisher, self._subscriber):
            # Redis may be lost at this very moment, too.
            with suppress(RedisError):
                await connection.disconnect(nowait=lost)


def _wanted(waiting: Iterable[Deferred[Any]]) -> Iterable[Deferred[Any]]:
    """Those that nobody has cancelled."""
    return (deferred for deferred in waiting if not deferred.called)
