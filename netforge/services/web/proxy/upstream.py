"""One upstream: its connections, and whether it is well."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.protocols.http import HTTPClientProtocol

__all__ = ["Limits", "Unreachable", "Upstream"]

log = Logger()


class Unreachable(ConnectionError):  # noqa: N818  says what it is
    """No connection to an upstream could be made: nothing was sent to it.

    :ivar late: whether that took too long.
    """

    def __init__(self, message: str, *, late: bool = False) -> None:
        super().__init__(message)
        self.late = late


@dataclass(frozen=True, slots=True)
class Limits:
    """How an upstream is treated. Times are in seconds.

    :param connections: the most at once.
    :param connect: for a connection, with the handshake of TLS.
    :param first: from the end of a request to the head of its response.
    :param between: of silence within a body.
    :param idle: that a connection is kept without a request.
    :param failures: in a row, after which it rests.
    :param rest: how long at first; each time that it fails again doubles that.
    :param longest_rest: how long at most.
    """

    connections: int = 64
    connect: float = 5.0
    first: float = 60.0
    between: float = 60.0
    idle: float = 4.0
    failures: int = 3
    rest: float = 1.0
    longest_rest: float = 60.0


class Upstream:
    """One of the servers of a pool.

    :param name: what the log calls it.
    :param authority: what Host says where that is not what the client asked for.
    :param secure: whether its connections are in use only after the handshake of TLS.
    :ivar outstanding: how many connections are in use.
    :ivar healthy: what its active checks say.
    """

    def __init__(
        self,
        name: str,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        limits: Limits | None = None,
        *,
        authority: str = "localhost",
        secure: bool = False,
    ) -> None:
        self.name = name
        self.authority = authority.encode()
        self.limits = limits or Limits()
        self.outstanding = 0
        self.healthy = True
        self._endpoint = endpoint
        self._clock = clock
        self._secure = secure
        self._idle: list[HTTPClientProtocol] = []
        self._failures = 0
        self._rests = 0
        self._resting_until = 0.0

    # Connections.

    @property
    def full(self) -> bool:
        """Whether it has as many connections in use as it may."""
        return self.outstanding >= self.limits.connections

    def reuse(self) -> HTTPClientProtocol | None:
        """An idle connection, in use from here until :meth:`give_back`; the latest, so that the others may expire."""
        while self._idle:
            connection = self._idle.pop()
            if connection.free:
                self.outstanding += 1
                return connection
        return None

    def connect(self) -> Deferred[HTTPClientProtocol]:
        """A new connection, in use from here until :meth:`give_back`, or until this fails.

        :raises Unreachable: through the Deferred, if there is none in time.
        """
        self.outstanding += 1
        connecting = Deferred.fromCoroutine(self._connected())
        return connecting.addTimeout(self.limits.connect, self._clock, self._late).addErrback(self._not_connected)

    async def _connected(self) -> HTTPClientProtocol:
        limits = self.limits
        connection = HTTPClientProtocol(self._clock, first=limits.first, between=limits.between, idle=limits.idle)
        factory = Factory.forProtocol(lambda: connection)
        # A line in the log for each connection is of no use.
        factory.noisy = False
        try:
            await self._endpoint.connect(factory)
            if self._secure:
                await connection.secured()
        except BaseException:
            if connection.connected:
                connection.close()
            raise
        return connection

    def _late(self, result: object, seconds: float) -> Failure:
        return Failure(Unreachable(f"{self.name}: no connection within {seconds:g} s", late=True))

    def _not_connected(self, failure: Failure) -> Failure:
        self.outstanding -= 1
        if failure.check(Unreachable, CancelledError):
            return failure
        if failure.check(ConnectingCancelledError):
            # What Twisted's endpoints make of it.
            return Failure(CancelledError())
        return Failure(Unreachable(f"{self.name}: {failure.getErrorMessage()}"))

    def give_back(self, connection: HTTPClientProtocol) -> None:
        """The end of a connection's use."""
        self.outstanding -= 1
        if connection.free:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    # Whether it is well.

    @property
    def resting(self) -> bool:
        """Whether it has failed so often that it is left alone for a while."""
        return self._resting_until > self._clock.seconds()

    def succeeded(self) -> None:
        """It has answered."""
        if self._rests:
            log.info("the upstream {name} answers again", name=self.name)
        self._failures = self._rests = 0
        self._resting_until = 0.0

    def failed(self, error: Exception) -> None:
        """It has not answered as it should."""
        self._failures += 1
        limits = self.limits
        if self._failures < limits.failures or self.resting:
            return
        seconds = min(limits.rest * 2**self._rests, limits.longest_rest)
        self._rests = min(self._rests + 1, 32)
        self._resting_until = self._clock.seconds() + seconds
        log.warn(
            "the upstream {name} rests for {seconds:g} s after {failures} failures: {error}",
            name=self.name,
            seconds=seconds,
            failures=self._failures,
            error=error,
        )
