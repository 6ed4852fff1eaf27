"""Shouting: each line goes to everyone, and a newcomer hears the last ones."""

from collections import deque
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from netforge.plugin import Context, IBus, ISubscription, Listen, Parts, Settings, Stream, service


class ShoutSettings(Settings):
    """A place to shout."""

    listen: Listen = Listen("tcp:127.0.0.1:7102")


class ShoutProtocol(LineOnlyReceiver):
    """One person who shouts."""

    delimiter = b"\n"
    MAX_LENGTH = 1000
    transport: ITCPTransport

    def __init__(self, bus: IBus, lines: deque[bytes]) -> None:
        self.bus = bus
        self.lines = lines

    def connectionMade(self) -> None:
        for line in self.lines:
            self.sendLine(line)
        self.subscribed: Deferred[ISubscription] = self.bus.subscribe("shout", self.sendLine)

    def lineReceived(self, line: bytes) -> None:
        self.lines.append(line)
        self.bus.publish("shout", line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.subscribed.addCallback(lambda subscription: subscription.cancel())


@service("shout", ShoutSettings, needs=[IBus])
def shout(settings: ShoutSettings, context: Context) -> Parts:
    """A place whose last lines outlive reloads."""
    lines: deque[bytes] = context.keep("lines", lambda: deque(maxlen=10))
    return [Stream(settings.listen, Factory.forProtocol(partial(ShoutProtocol, context[IBus], lines)))]
