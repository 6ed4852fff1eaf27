"""The connections that all requests share."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.web.client import HTTPConnectionPool

from netforge.plugin import OutboundBusy
from netforge.shared.outbound.line import Line

if TYPE_CHECKING:
    from netforge.shared.outbound.route import Route

__all__ = ["Places", "Pool"]


class Pool(HTTPConnectionPool):
    """Connections that are kept open for the next request.

    :param most: how many to one server.
    :param idle: for how many seconds without a request.
    """

    # A request is repeated by who knows what is safe, with one count of all repetitions.
    retryAutomatically = False

    def __init__(self, reactor: IReactorTime, most: int, idle: float) -> None:
        super().__init__(reactor)
        self.maxPersistentPerHost = most
        self.cachedConnectionTimeout = idle  # type: ignore[assignment]  # it goes to callLater
        self._lines: WeakKeyDictionary[Any, Line] = WeakKeyDictionary()

    async def _connect(self, key: Hashable, route: Route) -> Any:
        connection = await super().getConnection(key, cast(IStreamClientEndpoint, route))
        if connection in self._lines:
            line = self._lines[connection]
            line.reused = True
        else:
            line = self._lines[connection] = cast(Line, route.made)
        route.use(line)
        return connection

    def getConnection(self, key: Hashable, endpoint: Any) -> Deferred[Any]:
        """See Twisted's.

        :param endpoint: a :class:`~netforge.shared.outbound.route.Route`, which is told of the connection.
        """
        return Deferred.fromCoroutine(self._connect(key, endpoint))

    async def close(self) -> None:
        """Cut every connection, in use or not."""
        for line in list(self._lines.values()):
            line.cut()
        await self.closeCachedConnections()


@dataclass(slots=True)
class _Server:
    taken: int = 0
    waiting: deque[Deferred[None]] = field(default_factory=deque)


class Places:
    """How many requests are under way to each server, and who waits.

    :param most: how many at once to one server.
    :param queue: how many may wait for that.
    """

    def __init__(self, most: int, queue: int) -> None:
        self._most = most
        self._queue = queue
        self._servers: dict[Hashable, _Server] = {}

    @property
    def taken(self) -> int:
        """How many requests are under way."""
        return sum(server.taken for server in self._servers.values())

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(server.waiting) for server in self._servers.values())

    async def take(self, server: Hashable, name: str) -> None:
        """Wait for a place. Whoever has one gives it back by :meth:`give`.

        :param name: the server, for the error.
        :raises OutboundBusy: if too many wait already.
        """
        places = self._servers.setdefault(server, _Server())
        if places.taken < self._most:
            places.taken += 1
            return
        if len(places.waiting) >= self._queue:
            raise OutboundBusy(
                f"{name}: {self._queue} requests wait for one of {self._most} connections already", "queue"
            )
        turn: Deferred[None] = Deferred(places.waiting.remove)
        places.waiting.append(turn)
        await turn

    def give(self, server: Hashable) -> None:
        """Give a place back, or to who has waited longest."""
        places = self._servers[server]
        if places.waiting:
            places.waiting.popleft().callback(None)
            return
        places.taken -= 1
        if not places.taken:
            del self._servers[server]
