"""How long an application may take to begin its response."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from netforge.protocols.http import Application, Exchange, HTTPError
from netforge.services.web.around.layer import Layer, Premises

__all__ = ["Deadlines"]


class Deadlines:
    """Gives applications up that do not begin to answer. What such a one waits for is cancelled.

    :param seconds: how long each request may take.
    """

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds

    @classmethod
    def of(cls, seconds: float, premises: Premises) -> Layer | None:
        """The layer, where it is on; it is not for 0 seconds."""
        return cls(premises.context.clock, seconds).around if seconds else None

    def around(self, application: Application) -> Application:
        """Give an application its time."""

        def timed(exchange: Exchange) -> Awaitable[object] | None:
            result = application(exchange)
            if result is None:
                return None if exchange.started else self._limited(_done(exchange), exchange)
            return self._limited(result, exchange)

        return timed

    async def _limited(self, work: Awaitable[object], exchange: Exchange) -> None:
        await _Limited(self, _awaiting(work), exchange)


class _Limited:
    """Awaits something for a while. Costs no timer where nothing has to be waited for."""

    def __init__(self, deadlines: Deadlines, work: Awaitable[object], exchange: Exchange) -> None:
        self._deadlines = deadlines
        self._work = work
        self._exchange = exchange
        self._late = False
        self._waited_for: Any = None

    def __await__(self) -> Generator[Any, Any, None]:
        steps: Any = self._work.__await__()
        try:
            self._waited_for = steps.send(None)
        except StopIteration:
            return
        call = self._deadlines.clock.callLater(self._deadlines.seconds, self._expire)
        try:
            while True:
                try:
                    value = yield self._waited_for
                except GeneratorExit:
                    steps.close()
                    raise
                except BaseException as error:
                    self._waited_for = steps.throw(error)
                else:
                    self._waited_for = steps.send(value)
        except StopIteration:
            return
        except Exception:
            if self._late and not self._exchange.started:
                raise HTTPError(503, "the answer took too long") from None
            raise
        finally:
            if call.active():
                call.cancel()

    def _expire(self) -> None:
        if not self._exchange.started:
            self._late = True
            self._waited_for.cancel()


async def _awaiting(work: Awaitable[object]) -> None:
    await work


def _done(exchange: Exchange) -> Deferred[Exchange]:
    """Fires when an application that returned nothing to wait for has answered, or the client is gone."""
    done: Deferred[Exchange] = Deferred()
    exchange.when_done(done.callback)
    return done
