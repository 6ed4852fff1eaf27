"""How long an application may take to begin its response."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from netforge.protocols.http import Application, Exchange, HTTPError, begun
from netforge.services.web.around.layer import Layer, Premises

__all__ = ["Deadlines"]


@dataclass(slots=True, eq=False)
class Waiting:
    """An application that has not answered yet.

    :param due: when it is given up.
    :param rest: what is left of it, where that is known.
    """

    due: float
    exchange: Exchange
    rest: Deferred[None] | None
    late: bool = False

    def give_up(self) -> None:
        """Answer for it, unless it has begun."""
        if self.exchange.started:
            return
        self.late = True
        if self.rest is not None:
            self.rest.cancel()
        if not self.exchange.started:
            self.exchange.fail(Failure(_too_late()))

    def excuse(self, failure: Failure) -> Failure | None:
        """What a cancelled one raises is no failure of its own."""
        if not self.late:
            return failure
        if not self.exchange.started:
            return Failure(_too_late())
        return None if failure.check(CancelledError) else failure


class Deadlines:
    """Gives applications up that do not begin to answer. What such a one waits for is cancelled.

    All of them have the same time. So the first one is due first, and one timer is enough.

    :param seconds: how long each request may take.
    """

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._waiting: dict[int, Waiting] = {}
        self._number = 0
        self._ticking = False

    @classmethod
    def of(cls, seconds: float, premises: Premises) -> Layer | None:
        """The layer, where it is on; it is not for 0 seconds."""
        return cls(premises.context.clock, seconds).around if seconds else None

    def around(self, application: Application) -> Application:
        """Give an application its time."""

        def timed(exchange: Exchange) -> Awaitable[object] | None:
            result = application(exchange)
            rest = None if result is None else begun(result, exchange)
            if exchange.started:
                return rest
            waiting = self._watch(exchange, rest)
            return None if rest is None else rest.addErrback(waiting.excuse)

        return timed

    def _watch(self, exchange: Exchange, rest: Deferred[None] | None) -> Waiting:
        """Give one up when it is due, unless it is done before."""
        waiting = Waiting(self._clock.seconds() + self._seconds, exchange, rest)
        self._number += 1
        self._waiting[self._number] = waiting
        # Called with the exchange, which then is what pop() returns if it is not there any more.
        exchange.when_done(partial(self._waiting.pop, self._number))
        if not self._ticking:
            self._ticking = True
            self._clock.callLater(self._seconds, self._tick)
        return waiting

    def _tick(self) -> None:
        while self._waiting:
            number, waiting = next(iter(self._waiting.items()))
            left = waiting.due - self._clock.seconds()
            if left > 0:
                self._clock.callLater(left, self._tick)
                return
            del self._waiting[number]
            waiting.give_up()
        self._ticking = False


def _too_late() -> HTTPError:
    return HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, "the answer took too long")
