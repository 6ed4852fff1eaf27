"""The smallest plugin."""

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol

from netforge.plugin import Context, Listen, Parts, Settings, Stream, service


class HelloSettings(Settings):
    """Says hello to whoever connects."""

    listen: Listen = Listen("tcp:127.0.0.1:7100")


class Hello(Protocol):
    """One connection."""

    transport: ITransport

    def connectionMade(self) -> None:
        self.transport.write(b"hello\r\n")
        self.transport.loseConnection()


@service("hello", HelloSettings)
def hello(settings: HelloSettings, context: Context) -> Parts:
    """Settings in, parts out."""
    return [Stream(settings.listen, Factory.forProtocol(Hello))]
