"""Protocols that are broken on purpose, each in one way, and one that is not."""

from __future__ import annotations

import os
from functools import partial
from threading import Event, Thread
from typing import Any, ClassVar

from twisted.internet.defer import fail
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.deadlines import Deadline


class Good(LineOnlyReceiver):
    """Answers each line with its length."""

    delimiter = b"\n"
    MAX_LENGTH = 1000
    transport: Any

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.deadline = Deadline(clock, 60, self.expired)

    @classmethod
    def make(cls, reactor: Any) -> Factory[Any]:
        factory: Factory[Any] = Factory.forProtocol(partial(cls, reactor))
        factory.noisy = False
        return factory

    def connectionMade(self) -> None:
        self.deadline.start()
        self.transport.registerProducer(self.transport, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.deadline.stop()

    def lineReceived(self, line: bytes) -> None:
        self.deadline.progress()
        self.transport.write(b"%d\n" % len(line))

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802  Twisted's
        self.transport.abortConnection()

    def expired(self) -> None:
        self.transport.abortConnection()


class TakesPiecesForLines(Good):
    def dataReceived(self, data: bytes) -> None:
        self.lineReceived(data)


class HangsUpOnAWholeQuit(Good):
    def dataReceived(self, data: bytes) -> None:
        if data == b"quit\n":
            self.transport.loseConnection()


class WantsNumbers(Good):
    def lineReceived(self, line: bytes) -> None:
        int(line)


class FailsAtAReset(Good):
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        reason.trap(type(connectionDone.value))


@implementer(IHalfCloseableProtocol)
class FailsAtAHalfClose(Good):
    def readConnectionLost(self) -> None:
        raise RuntimeError("who would do that?")

    def writeConnectionLost(self) -> None:
        """Never happens here."""


class HandlesNoFailure(Good):
    def lineReceived(self, line: bytes) -> None:
        super().lineReceived(line)
        vars(self).setdefault("answers", []).append(fail(LookupError("nobody asked")))


class FailsLate(Good):
    def expired(self) -> None:
        super().expired()
        raise RuntimeError("too late")


class KeepsALineWithoutEnd(Good):
    MAX_LENGTH = 10**9


class KeepsWhatAFactoryMay(Good):
    def lineReceived(self, line: bytes) -> None:
        super().lineReceived(line)
        factory: Any = self.factory
        vars(factory).setdefault("lines", []).append(line)


class AnswersWhoeverDoesNotRead(Good):
    def connectionMade(self) -> None:
        self.deadline.start()

    def lineReceived(self, line: bytes) -> None:
        super().lineReceived(b"")
        self.transport.write(line * 10)


class WaitsForEver(Good):
    def connectionMade(self) -> None:
        self.transport.registerProducer(self.transport, True)


class WaitsForTheRest(Good):
    def dataReceived(self, data: bytes) -> None:
        self.deadline.stop()
        super().dataReceived(data)


class ClosesPolitely(Good):
    def expired(self) -> None:
        self.transport.unregisterProducer()
        self.transport.loseConnection()


class LeavesACall(Good):
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forgets the deadline."""


class LeavesAConnection(Good):
    def connectionMade(self) -> None:
        super().connectionMade()
        self.clock.listenTCP(2, Factory.forProtocol(Echo))


class LeavesAFile(Good):
    #: For the tests to close.
    opened: ClassVar[list[int]] = []

    def connectionMade(self) -> None:
        super().connectionMade()
        self.opened.append(os.open(__file__, os.O_RDONLY))


class LeavesAThread(Good):
    def connectionMade(self) -> None:
        super().connectionMade()
        Thread(target=Event().wait, name="busy").start()


class Remembers(Good):
    """Does something else the second time, whoever makes its factory."""

    times = 0

    def lineReceived(self, line: bytes) -> None:
        type(self).times += 1
        if self.times == 5:
            raise RuntimeError("one too many")


#: Each with the check that finds it, and with words of what that says.
BROKEN: list[tuple[type[Good], str, str]] = [
    (TakesPiecesForLines, "chunking", "in pieces of"),
    (HangsUpOnAWholeQuit, "chunking", "then open, when it arrives in pieces"),
    (WantsNumbers, "failures", "invalid literal for int"),
    (FailsAtAReset, "failures", "ConnectionAborted"),
    (FailsAtAHalfClose, "failures", "who would do that?"),
    (HandlesNoFailure, "failures", "nobody asked"),
    (FailsLate, "failures", "too late"),
    (KeepsALineWithoutEnd, "memory", "bytes"),
    (KeepsWhatAFactoryMay, "memory", "list"),
    (AnswersWhoeverDoesNotRead, "memory", "never reads"),
    (WaitsForEver, "deadline", "it is open"),
    (WaitsForTheRest, "deadline", "then nothing"),
    (ClosesPolitely, "deadline", "never reads"),
    (LeavesACall, "leftovers", "a delayed call of Deadline._ring, due in 58"),
    (LeavesAConnection, "leftovers", "an open socket at 0.0.0.0:2"),
    (LeavesAFile, "leftovers", "broken.py"),
    (LeavesAThread, "leftovers", "the thread busy"),
]
