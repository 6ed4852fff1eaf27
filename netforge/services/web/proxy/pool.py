"""A pool of upstreams: who of them is asked, and who has to wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random

from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004  what addTimeout makes
from twisted.internet.interfaces import IReactorTime

from netforge.protocols.http import HTTPClientProtocol
from netforge.services.web.proxy.upstream import Upstream

__all__ = ["NoUpstream", "Pool"]


class NoUpstream(Exception):  # noqa: N818  says what is missing
    """No upstream can be asked now."""


class Pool:
    """Some upstreams that serve the same.

    :param upstreams: at least one.
    :param clock: where the time comes from.
    :param random: decides between those that are equally busy.
    :param queue: the most requests that wait for a connection.
    :param patience: seconds that one of them waits.
    :ivar random: the source of chance.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        clock: IReactorTime,
        random: Random,
        *,
        queue: int = 256,
        patience: float = 10.0,
    ) -> None:
        if not upstreams:
            raise ValueError("a pool has at least one upstream")
        self.upstreams = upstreams
        self._clock = clock
        self.random = random
        self._queue = queue
        self._patience = patience
        self._waiting: deque[Deferred[None]] = deque()

    async def lease(self, tried: list[Upstream], *, fresh: bool = False) -> tuple[Upstream, HTTPClientProtocol, bool]:
        """A connection to an upstream, for one request, and whether it has been used before.

        :param tried: upstreams that the request has been at already; the chosen one is added.
        :param fresh: give it a new connection, and do not let it wait.
        :raises NoUpstream: if none is healthy, or the queue is full or too slow.
        :raises Unreachable: if no connection to it can be made.
        """
        upstream = self._least_busy(tried)
        if upstream is None:
            await self._turn(fresh=fresh)
            upstream = self._least_busy(tried)
            if upstream is None:
                raise NoUpstream("every upstream is busy")
        connection = None if fresh else upstream.reuse()
        tried.append(upstream)
        if connection is not None:
            return upstream, connection, True
        try:
            return upstream, await upstream.connect(), False
        except BaseException as error:
            if isinstance(error, ConnectionError):
                upstream.failed(error)
            self._go_on()
            raise

    def give_back(self, upstream: Upstream, connection: HTTPClientProtocol) -> None:
        """The end of a lease."""
        upstream.give_back(connection)
        if self._waiting:
            self._go_on()

    def close(self) -> None:
        """Close what is idle."""
        for upstream in self.upstreams:
            upstream.close()

    def _usable(self, tried: Sequence[Upstream]) -> list[Upstream]:
        """Those that may be asked. Where all are resting, none of them is spared: one may be well again.

        :raises NoUpstream: if there are none.
        """
        healthy = [upstream for upstream in self.upstreams if upstream.healthy and upstream not in tried]
        if not healthy:
            raise NoUpstream("every upstream has been tried" if tried else "no upstream is healthy")
        return [upstream for upstream in healthy if not upstream.resting] or healthy

    def _least_busy(self, tried: Sequence[Upstream]) -> Upstream | None:
        usable = self._usable(tried)
        if len(usable) == 1:
            return None if usable[0].full else usable[0]
        least = min(upstream.outstanding for upstream in usable)
        chosen = self.random.choice([upstream for upstream in usable if upstream.outstanding == least])
        if not chosen.full:
            return chosen
        # Their limits may differ.
        return next((upstream for upstream in usable if not upstream.full), None)

    async def _turn(self, *, fresh: bool) -> None:
        if fresh:
            raise NoUpstream("the other upstreams are busy")
        if len(self._waiting) >= self._queue:
            raise NoUpstream(f"every upstream is busy, and {self._queue} requests wait already")
        turn: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(turn)
        try:
            await turn.addTimeout(self._patience, self._clock)
        except TimeoutError:
            raise NoUpstream(f"every upstream has been busy for {self._patience:g} s") from None

    def _go_on(self) -> None:
        """Let those who wait have what is free. Each one takes it at once."""
        while self._waiting and not all(upstream.full for upstream in self.upstreams):
            self._waiting.popleft().callback(None)
