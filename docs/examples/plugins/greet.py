"""Greets by name, over TCP and UDP."""

from functools import partial
from typing import Any

from twisted.internet.interfaces import ITCPTransport, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Factory, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import Context, Datagram, Field, IDrainable, Listen, Parts, Settings, Stream, service
from netforge.protocols.deadlines import Deadline


class GreetSettings(Settings):
    """Greets whoever sends a name."""

    listen: list[Listen] = Field(
        [Listen("tcp:127.0.0.1:7101"), Listen("udp:127.0.0.1:7101")], description="where to listen", min_length=1
    )
    word: str = Field("Hello", description="what a greeting begins with", renamed_from="greeting")
    idle: float = Field(60.0, gt=0, description="seconds without a line after which a connection is closed")


@implementer(IDrainable)
class GreetProtocol(LineOnlyReceiver):
    """One connection: a greeting for each line."""

    delimiter = b"\n"
    MAX_LENGTH = 1000
    transport: ITCPTransport

    def __init__(self, settings: GreetSettings, context: Context) -> None:
        self.settings = settings
        self.deadline = Deadline(context.clock, settings.idle, self.expired)

    def connectionMade(self) -> None:
        self.deadline.start()

    def lineReceived(self, line: bytes) -> None:
        self.deadline.progress()
        self.transport.write(greeting(self.settings, line))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.deadline.stop()

    def drain(self) -> None:
        self.transport.loseConnection()

    def expired(self) -> None:
        self.transport.abortConnection()


class GreetDatagrams(DatagramProtocol):
    """A greeting for each datagram."""

    transport: IUDPTransport

    def __init__(self, settings: GreetSettings) -> None:
        self.settings = settings

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.transport.write(greeting(self.settings, datagram), addr)


def greeting(settings: GreetSettings, name: bytes) -> bytes:
    """What both say."""
    return f"{settings.word}, ".encode() + name.strip() + b"!\n"


@service("greet", GreetSettings)
def greet(settings: GreetSettings, context: Context) -> Parts:
    """A part for each listener."""
    for listen in settings.listen:
        if listen.datagram:
            yield Datagram(listen, GreetDatagrams(settings))
        else:
            factory = Factory.forProtocol(partial(GreetProtocol, settings, context))
            yield Stream(listen, factory, try_it="echo Ada | {nc}")
