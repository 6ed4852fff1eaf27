"""Active checks: whether an upstream answers, before somebody needs it."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, TimeoutError  # noqa: A004  what addTimeout makes
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.protocols.http import BadResponse
from netforge.services.web.proxy.upstream import Upstream

__all__ = ["HealthCheck"]

log = Logger()


class HealthCheck:
    """Asks an upstream for a path from time to time. Any status from 200 to 399 is well.

    :param interval: seconds from one answer to the next question.
    :param timeout: seconds that an answer may take.
    :param rise: after how many good answers in a row an upstream is healthy again.
    :param fall: after how many bad ones it is not.
    """

    def __init__(
        self,
        upstream: Upstream,
        clock: IReactorTime,
        path: str = "/",
        *,
        interval: float = 5.0,
        timeout: float = 2.0,
        rise: int = 2,
        fall: int = 3,
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._path = path
        self._interval = interval
        self._timeout = timeout
        self._thresholds = {True: rise, False: fall}
        self._opposite = 0
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    def stop(self) -> None:
        """Ask no more."""
        if self._running is not None:
            self._running.cancel()
            self._running = None

    async def _run(self) -> None:
        while True:
            try:
                await Deferred.fromCoroutine(self._ask()).addTimeout(self._timeout, self._clock)
            except TimeoutError:
                self._note(f"no answer within {self._timeout:g} s")
            except (ConnectionError, BadResponse) as error:
                self._note(str(error) or type(error).__name__)
            else:
                self._note("")
            await deferLater(self._clock, self._interval)

    async def _ask(self) -> None:
        upstream = self._upstream
        connection = await upstream.connect()
        try:
            outgoing = connection.begin(
                "GET", self._path, [(b"host", upstream.authority), (b"user-agent", b"netforge health check")]
            )
            status = (await outgoing.response()).status
        finally:
            connection.close()
            upstream.give_back(connection)
        if not 200 <= status < 400:
            raise BadResponse(f"status {status}")

    def _note(self, problem: str) -> None:
        """Count an answer, and change the upstream's health after enough of a kind."""
        upstream, well = self._upstream, not problem
        if well is upstream.healthy:
            self._opposite = 0
            return
        self._opposite += 1
        if self._opposite < self._thresholds[well]:
            return
        self._opposite = 0
        upstream.healthy = well
        if well:
            log.info("the upstream {name} is healthy again", name=upstream.name)
        else:
            log.warn("the upstream {name} is not healthy: {problem}", name=upstream.name, problem=problem)

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            log.failure("the check of the upstream {name} ended", failure, name=self._upstream.name)
