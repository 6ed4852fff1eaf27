"""A chat: each line goes to everyone, and a newcomer sees the last ones."""

from collections import deque
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from netforge.plugin import Context, IBus, ISubscription, Listen, Parts, Settings, Stream, service


class ChatSettings(Settings):
    """A chat room."""

    listen: Listen = Listen("tcp:127.0.0.1:7102")


class ChatProtocol(LineOnlyReceiver):
    """One person in the room."""

    delimiter = b"\n"
    MAX_LENGTH = 1000
    transport: ITCPTransport

    def __init__(self, bus: IBus, lines: deque[bytes]) -> None:
        self.bus = bus
        self.lines = lines

    def connectionMade(self) -> None:
        for line in self.lines:
            self.sendLine(line)
        self.subscribed: Deferred[ISubscription] = self.bus.subscribe("chat", self.sendLine)

    def lineReceived(self, line: bytes) -> None:
        self.lines.append(line)
        self.bus.publish("chat", line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.subscribed.addCallback(lambda subscription: subscription.cancel())


@service("chat", ChatSettings, needs=[IBus])
def chat(settings: ChatSettings, context: Context) -> Parts:
    """A room whose last lines outlive reloads."""
    lines: deque[bytes] = context.keep("lines", lambda: deque(maxlen=10))
    return [Stream(settings.listen, Factory.forProtocol(partial(ChatProtocol, context[IBus], lines)))]
