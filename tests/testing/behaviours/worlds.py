"""Where the behaviours are tried: on real sockets, and on the simulated network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import deferLater
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from netforge.reactor import ForgeReactor
from netforge.testing import Network
from twisted import internet

__all__ = ["RealWorld", "SimulatedWorld", "World"]

Body = Coroutine[Deferred[Any], Any, None]

#: Seconds that a body may take: what must not happen within them does not happen.
TIMEOUT = 10.0


class World(ABC):
    """A server's reactor and a client's, which reach each other. Bodies run on the client's.

    :ivar server: the reactor of the server.
    :ivar client: the reactor of the client; it may be the same.
    :ivar host: the address that the server is reached at.
    :ivar folder: where the sockets of UNIX lie.
    :ivar logged: what was logged until now.
    :ivar opened: the protocols of streams that are aborted in the end, if they are not over by then.
    """

    server: Any
    client: Any
    host: str

    def __init__(self, folder: Path, logged: list[LogEvent]) -> None:
        self.folder = folder
        self.logged = logged
        self.opened: list[Any] = []

    @property
    def on_uvloop(self) -> bool:
        """Whether it differs as ``netforge.reactor`` says."""
        return isinstance(self.client, ForgeReactor)

    @property
    def on_asyncio(self) -> bool:
        """Whether it differs as Twisted's own asyncio reactor does."""
        return type(self.client) is AsyncioSelectorReactor

    @abstractmethod
    def run(self, body: Body) -> None:
        """Run a body to its end, and raise what it raises, or that it takes too long."""

    @abstractmethod
    def close(self) -> None:
        """Leave nothing open."""

    def flush(self, kind: type[Exception] = Exception) -> list[Failure]:
        """The failures of a kind that were logged, which then are as good as never logged."""
        flushed = []
        for event in list(self.logged):
            # Events of old have another name for it.
            failure: Failure | None = event.get("log_failure") or event.get("failure")
            if failure is not None and failure.check(kind):
                self.logged.remove(event)
                # Twisted's log keeps it, and it the sockets that its frames refer to.
                failure.cleanFailure()
                flushed.append(failure)
        return flushed

    def _begin(self, body: Body) -> Deferred[Any]:
        return Deferred.fromCoroutine(body).addBoth(self._tidy)

    def _tidy(self, result: object) -> Deferred[object]:
        for protocol in self.opened:
            if protocol.events[-1][0] != "lost":
                protocol.transport.abortConnection()
        # It happens in the next turn.
        return deferLater(self.client, 0, lambda: result)


class RealWorld(World):
    """A reactor of Twisted's that was never installed, and the loopback of this machine."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, logged: list[LogEvent], reactor: Any) -> None:
        super().__init__(folder, logged)
        self.server = self.client = reactor

    def run(self, body: Body) -> None:
        results: list[Any] = []

        def begin() -> None:
            deferred = self._begin(body).addTimeout(TIMEOUT, self.client)
            deferred.addBoth(results.append).addBoth(lambda _: self.client.stop())

        self.client.callLater(0, begin)
        # Twisted's TLS writes by the clock of the global reactor where it is given none.
        with patch.object(internet, "reactor", self.client, create=True):
            self.client.run(installSignalHandlers=False)
        [result] = results
        if isinstance(result, Failure):
            result.raiseException()

    def close(self) -> None:
        # The reactor has closed what the test left open, but not what wakes it up.
        for waker in self.client.getReaders():
            waker.connectionLost(Failure(ConnectionDone()))


class SimulatedWorld(World):
    """Two machines on a simulated network."""

    def __init__(self, folder: Path, logged: list[LogEvent]) -> None:
        super().__init__(folder, logged)
        self._network = Network(seed=1)
        server = self._network.machine("server")
        self.server = server.reactor
        self.host = server.address
        self.client = self._network.machine("client").reactor

    def run(self, body: Body) -> None:
        done: Deferred[None] = Deferred()
        self.client.callLater(0, lambda: self._begin(body).chainDeferred(done))
        self._network.run_until(done, timeout=TIMEOUT)

    def close(self) -> None:
        self._network.close()
