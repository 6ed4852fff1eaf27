"""Every test that asks for ``run`` holds Twisted's epoll reactor and ours to the same assertions, on real sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.reactor import ForgeReactor


@pytest.fixture
def drive_forge(drive: Any) -> Iterator[Any]:
    """Runs a scenario on our reactor. A transport that it leaves open is a ResourceWarning, hence a failure."""
    reactors: list[ForgeReactor] = []

    def make() -> ForgeReactor:
        reactors.append(ForgeReactor())
        return reactors[-1]

    yield type(drive)(make)
    for reactor in reactors:
        for reader in list(reactor._internalReaders):
            reactor.removeReader(reader)
            reader.connectionLost(Failure(Exception("the test is over")))
        reactor.loop.close()


@pytest.fixture(params=["drive", "drive_forge"], ids=["epoll", "forge"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a scenario on one reactor, then on the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def errors() -> Iterator[list[Exception]]:
    """The exceptions that are logged during the test."""
    logged: list[Exception] = []

    def observe(event: dict[str, Any]) -> None:
        failure = event.get("log_failure") or event.get("failure")
        if failure is not None:
            logged.append(failure.value)

    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]  # a function is an observer
    yield logged
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]  # likewise


class Recorder(Protocol):
    """Remembers what happens to it, and calls what a test puts into its place.

    :ivar calls: the names of what was called, in order.
    """

    def __init__(self, **reactions: Callable[..., object]) -> None:
        self.calls: list[str] = []
        self.data = b""
        self.reason: Failure | None = None
        self.made: Deferred[Recorder] = Deferred()
        self.lost: Deferred[Recorder] = Deferred()
        self._reactions = reactions
        self._awaited: list[tuple[int, Deferred[None]]] = []

    def _call(self, name: str, *args: object) -> None:
        self.calls.append(name)
        if name in self._reactions:
            self._reactions[name](self, *args)

    def received(self, size: int) -> Deferred[None]:
        """Fires when that many bytes have been received in all."""
        deferred: Deferred[None] = Deferred()
        self._awaited.append((size, deferred))
        self._tell()
        return deferred

    def _tell(self) -> None:
        due = [one for one in self._awaited if one[0] <= len(self.data)]
        self._awaited = [one for one in self._awaited if one not in due]
        for _, deferred in due:
            deferred.callback(None)

    def connectionMade(self) -> None:
        self.made.callback(self)
        self._call("made")

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self._call("data", data)
        self._tell()

    def connectionLost(self, reason: Failure = Failure(Exception())) -> None:  # noqa: B008  Twisted's signature
        self.reason = reason
        self._call("lost")
        self.lost.callback(self)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Recorder):
    """Goes on when one side is closed."""

    def __init__(self, **reactions: Callable[..., object]) -> None:
        super().__init__(**reactions)
        self.ended: Deferred[None] = Deferred()
        self.finished: Deferred[None] = Deferred()

    def readConnectionLost(self) -> None:
        self._call("ended")
        self.ended.callback(None)

    def writeConnectionLost(self) -> None:
        self._call("finished")
        self.finished.callback(None)


class Once(Factory):
    """Serves one protocol that exists already."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self.served = protocol

    def buildProtocol(self, addr: object) -> Any:
        return self.served


class ConnectOnce(ClientFactory):
    """Connects one protocol that exists already.

    :ivar failed: fires with the exception when the connection is not made.
    :ivar lost: fires with the exception when it is lost.
    """

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self.served: Any = protocol
        self.failed: Deferred[Any] = Deferred()
        self.lost: Deferred[Any] = Deferred()

    def buildProtocol(self, addr: object) -> Any:
        return self.served

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:  # noqa: N802  Twisted's
        deferred, self.failed = self.failed, Deferred()
        deferred.callback(reason.value)

    def clientConnectionLost(self, connector: object, reason: Failure) -> None:  # noqa: N802  Twisted's
        deferred, self.lost = self.lost, Deferred()
        deferred.callback(reason.value)


# What a producer writes at a time.
CHUNK = bytes(65_536)


@implementer(IPushProducer)
class Push:
    """Writes a chunk a turn until it has written enough, unless it is paused."""

    def __init__(self, reactor: Any, consumer: Any, chunks: int) -> None:
        self.reactor = reactor
        self.consumer = consumer
        self.left = chunks
        self.calls: list[str] = []
        self.paused = False
        self.done: Deferred[None] = Deferred()

    def go(self) -> None:
        if self.paused or not self.left:
            return
        self.consumer.write(CHUNK)
        self.left -= 1
        if self.left:
            self.reactor.callLater(0, self.go)
        else:
            self.consumer.unregisterProducer()
            self.done.callback(None)

    def pauseProducing(self) -> None:
        self.calls.append("pause")
        self.paused = True

    def resumeProducing(self) -> None:
        self.calls.append("resume")
        self.paused = False
        self.reactor.callLater(0, self.go)

    def stopProducing(self) -> None:
        self.calls.append("stop")
        self.paused = True


class Tools:
    """What the tests use."""

    Recorder = Recorder
    HalfCloseable = HalfCloseable
    Once = Once
    ConnectOnce = ConnectOnce
    Push = Push

    @staticmethod
    async def pair(reactor: Any, server: Any, client: Any) -> Any:
        """Connect the two protocols over TCP.

        :returns: the port.
        """
        port = reactor.listenTCP(0, Once(server), interface="127.0.0.1")
        reactor.connectTCP("127.0.0.1", port.getHost().port, ConnectOnce(client))
        await server.made
        await client.made
        return port

    @staticmethod
    async def end(port: Any, *protocols: Any) -> None:
        """Close the port, and wait for these protocols to lose their connections."""
        for protocol in protocols:
            protocol.transport.loseConnection()
        for protocol in protocols:
            if not protocol.lost.called:
                await protocol.lost
        await port.stopListening()

    @staticmethod
    def reset(connection: socket.socket) -> None:
        """Close a connection so that its peer is told of a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    @staticmethod
    async def turns(reactor: Any, number: int = 3) -> None:
        """Let the reactor turn that often."""
        for _ in range(number):
            turn: Deferred[None] = Deferred()
            reactor.callLater(0, turn.callback, None)
            await turn


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    """Protocols that record, and what connects them."""
    return Tools
