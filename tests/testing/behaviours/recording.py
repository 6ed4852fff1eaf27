"""Protocols and factories that write down what happens to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IHalfCloseableProtocol,
    IPullProducer,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = [
    "Attempts",
    "BrokenError",
    "Datagrams",
    "Diary",
    "HalfCloseable",
    "PullProducer",
    "PushProducer",
    "Recorder",
    "Serving",
]


class BrokenError(Exception):
    """What the protocols and factories of tests raise."""


class Diary:
    """What happened, in order, and a way to wait for it.

    :param clock: whose turn it is when something has happened that was waited for.
    :ivar events: what happened, each a tuple that begins with a word.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.events: list[tuple[Any, ...]] = []
        self._waiting: list[tuple[Callable[[], object], Deferred[None]]] = []

    def note(self, *event: Any) -> None:
        """Write something down."""
        self.events.append(event)
        self._look()

    def until(self, condition: Callable[[], object]) -> Deferred[None]:
        """Wait until a condition holds. It is looked at whenever something happens.

        Who waits goes on in a turn of its own: what a test does next should not happen inside of ``dataReceived``.
        """
        waiting: Deferred[None] = Deferred()
        self._waiting.append((condition, waiting))
        self._look()
        return waiting

    def happened(self, word: str, times: int = 1) -> Deferred[None]:
        """Wait until events that begin with this word have happened so many times."""
        return self.until(lambda: [event[0] for event in self.events].count(word) >= times)

    def _look(self) -> None:
        for one in list(self._waiting):
            condition, waiting = one
            if condition():
                self._waiting.remove(one)
                self.clock.callLater(0, waiting.callback, None)


class Recorder(Diary, Protocol):
    """A protocol to which happen ``made``, ``data`` (in one piece, however it came) and ``lost`` with its reason."""

    transport: Any

    def connectionMade(self) -> None:
        self.note("made")

    def dataReceived(self, data: bytes) -> None:
        if self.events[-1][0] == "data":
            data = self.events.pop()[1] + data
        self.note("data", data)

    def connectionLost(self, reason: Failure = Failure(BrokenError())) -> None:  # noqa: B008  Twisted's
        self.note("lost", reason.type)

    @property
    def data(self) -> bytes:
        """All that has arrived."""
        return b"".join(event[1] for event in self.events if event[0] == "data")

    async def received(self, size: int) -> bytes:
        """Wait for so many bytes in all, and return all that has arrived."""
        await self.until(lambda: sum(len(event[1]) for event in self.events if event[0] == "data") >= size)
        return self.data

    async def lost(self) -> type[Exception]:
        """Wait for the end, and return the type of its reason."""
        await self.happened("lost")
        reason: type[Exception] = self.events[-1][1]
        return reason


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Recorder):
    """One to which ``read lost`` and ``write lost`` may happen, too."""

    def readConnectionLost(self) -> None:
        self.note("read lost")

    def writeConnectionLost(self) -> None:
        self.note("write lost")


class Serving(Diary, Factory):
    """A server's factory to which happen ``start``, ``built`` with the address of the client, and ``stop``.

    :param build: makes the protocols, or refuses by ``None``.
    :ivar protocols: those that were made.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, build: Callable[[], Any]) -> None:
        super().__init__(clock)
        self._build = build
        self.protocols: list[Any] = []

    def startFactory(self) -> None:
        self.note("start")

    def stopFactory(self) -> None:
        self.note("stop")

    def buildProtocol(self, addr: IAddress | None) -> Any:
        self.protocols.append(self._build())
        self.note("built", addr)
        return self.protocols[-1]


class Attempts(Diary, ClientFactory):
    """A client's factory to which happen ``started``, ``built``, ``failed`` and ``lost``.

    :param build: makes the protocols.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, build: Callable[[], Any]) -> None:
        super().__init__(clock)
        self._build = build

    def startedConnecting(self, connector: IConnector) -> None:  # noqa: N802  Twisted's
        self.note("started")

    def buildProtocol(self, addr: IAddress | None) -> Any:
        self.note("built", addr)
        return self._build()

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:  # noqa: N802  Twisted's
        self.note("failed", reason.type)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:  # noqa: N802  Twisted's
        self.note("lost", reason.type)


class Datagrams(Diary, DatagramProtocol):
    """A protocol to which happen ``start``, ``datagram`` with its data and sender, ``refused`` and ``stop``."""

    transport: Any

    def startProtocol(self) -> None:
        self.note("start")

    def stopProtocol(self) -> None:
        self.note("stop")

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.note("datagram", datagram, addr)

    def connectionRefused(self) -> None:
        self.note("refused")


@implementer(IPushProducer)
class PushProducer(Diary):
    """A producer to which happen ``pause``, ``resume`` and ``stop``, and which writes while it may.

    :param transport: what it writes to.
    :param piece: what it writes each time.
    :ivar written: bytes that it has written.
    """

    def __init__(self, clock: IReactorTime, transport: Any, piece: bytes) -> None:
        super().__init__(clock)
        self.written = 0
        self._transport = transport
        self._piece = piece
        self._producing = False

    def resumeProducing(self) -> None:
        self.note("resume")
        self.start()

    def start(self) -> None:
        """Begin to write."""
        self._producing = True
        self.clock.callLater(0, self._produce)

    def pauseProducing(self) -> None:
        self._producing = False
        self.note("pause")

    def stopProducing(self) -> None:
        self._producing = False
        self.note("stop")

    def _produce(self) -> None:
        if self._producing:
            self.written += len(self._piece)
            self._transport.write(self._piece)
            self.clock.callLater(0, self._produce)


@implementer(IPullProducer)
class PullProducer(Diary):
    """A producer to which happen ``resume``, when it writes the next of its pieces, and ``stop``.

    It unregisters itself after the last.

    :param transport: what it writes to.
    :param pieces: what it writes.
    """

    def __init__(self, clock: IReactorTime, transport: Any, pieces: list[bytes]) -> None:
        super().__init__(clock)
        self._transport = transport
        self._pieces = pieces

    def resumeProducing(self) -> None:
        self.note("resume")
        self._transport.write(self._pieces.pop(0))
        if not self._pieces:
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.note("stop")
