"""The bus on Redis: for several processes."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable
from random import Random
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import RedisError
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from netforge.plugin import IBus, ISubscription
from netforge.shared.bus.redissession import RedisSession
from netforge.shared.bus.topics import Topics, check_size

__all__ = ["RedisBus"]

#: Seconds that Redis may take to let us in, and to take a message.
PATIENCE = 5.0

#: Seconds between attempts to connect: at first, and at most.
FIRST_DELAY, LAST_DELAY = 0.2, 10.0

_LOST = (RedisError, OSError, TimeoutError)


@implementer(IBus)
class RedisBus:
    """A bus. It connects again by itself, and subscribes again to what it was subscribed to.

    :param url: where Redis is.
    :param password: its password, or that of the user in the URL.
    :param loop: the asyncio loop that runs; it must have sockets.
    """

    def __init__(
        self, url: str, password: str | None, loop: AbstractEventLoop, clock: IReactorTime, random: Random, log: Logger
    ) -> None:
        self._url = url
        self._password = password
        self._loop = loop
        self._random = random
        self._log = log
        self._topics = Topics(clock, self._deserted)
        self._session: RedisSession | None = None
        self._reason = "it has not started"
        self._running: asyncio.Task[None] | None = None

    def start(self) -> Deferred[None]:
        """Connect.

        :raises ConnectionError: through the Deferred, if Redis does not let us in.
        """

        async def start() -> None:
            try:
                self._session = await self._opened()
            except _LOST as error:
                self._reason = _words(error)
                raise self._unreachable() from error
            self._running = self._loop.create_task(self._run(self._session))

        return Deferred.fromFuture(self._loop.create_task(start()))

    def stop(self) -> Deferred[None]:
        """Disconnect."""

        async def stop() -> None:
            if self._running is not None:
                self._running.cancel()
                await asyncio.gather(self._running, return_exceptions=True)
            self._end("it was stopped")

        return Deferred.fromFuture(self._loop.create_task(stop()))

    def check(self) -> None:
        """Whether messages go through now.

        :raises ConnectionError: if they do not.
        """
        if self._session is None:
            raise self._unreachable()

    def publish(self, topic: str, message: bytes) -> Deferred[None]:
        """See :meth:`netforge.plugin.IBus.publish`."""
        check_size(message)
        return self._asked(lambda session: session.publish(topic, message))

    def subscribe(self, topic: str, receive: Callable[[bytes], object]) -> Deferred[ISubscription]:
        """See :meth:`netforge.plugin.IBus.subscribe`."""
        return self._asked(lambda session: session.subscribe(topic, receive))

    def _asked(self, ask: Callable[[RedisSession], Deferred[Any]]) -> Deferred[Any]:
        if self._session is None:
            return fail(self._unreachable())
        try:
            return ask(self._session)
        except ConnectionError as error:
            return fail(error)

    def _deserted(self, topic: str) -> None:
        if self._session is not None:
            self._session.deserted(topic)

    def _unreachable(self) -> ConnectionError:
        return ConnectionError(f"the bus cannot reach {self._url}: {self._reason}")

    async def _run(self, session: RedisSession) -> None:
        while True:
            try:
                await session.run()
            except Exception as error:  # whatever it is, this connection is of no use any more
                self._end(_words(error))
            self._log.error("the bus has lost {url}: {reason}", url=self._url, reason=self._reason)
            session = await self._again()
            self._session = session
            self._log.info("the bus has reached {url} again", url=self._url)

    def _end(self, reason: str) -> None:
        self._reason = reason
        session, self._session = self._session, None
        if session is not None:
            session.fail(self._unreachable)

    async def _again(self) -> RedisSession:
        """Connect, however often that takes. Chance keeps all processes from coming at once."""
        delay = FIRST_DELAY
        while True:
            await asyncio.sleep(delay * self._random.uniform(0.5, 1))
            try:
                return await self._opened()
            except _LOST as error:
                self._reason = _words(error)
            delay = min(2 * delay, LAST_DELAY)

    async def _opened(self) -> RedisSession:
        session = RedisSession(self._connection(PATIENCE), self._connection(None), self._topics)
        async with asyncio.timeout(PATIENCE):
            await session.open()
        return session

    def _connection(self, patience: float | None) -> AbstractConnection:
        """A connection. The answers of protocol 2 to a subscriber are all alike, so that is spoken."""
        options: dict[str, Any] = dict(parse_url(self._url))
        kind = options.pop("connection_class", Connection)
        made: AbstractConnection = kind(
            **options, password=self._password, protocol=2, socket_timeout=patience, socket_connect_timeout=PATIENCE
        )
        return made


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
