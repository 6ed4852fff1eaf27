"""The meter that layers share."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from netforge.plugin import Meter, metered


class Shouting(Protocol):
    """Answers in capitals, once with ``write`` and once with ``writeSequence``."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hi ")

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data.upper())
        self.transport.writeSequence([b"!", b"!"])


class Noting:
    """A watcher that notes what it hears, with its name and the counts."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name = name
        self.heard = heard

    def connected(self, meter: Meter) -> None:
        self.heard.append(f"{self.name} connected {meter.received} {meter.sent}")

    def lost(self, meter: Meter, reason: Failure) -> None:
        self.heard.append(f"{self.name} lost {meter.received} {meter.sent} {type(reason.value).__name__}")


def test_every_watcher_hears_of_every_connection_by_one_wrapper() -> None:
    heard: list[str] = []
    factory = Factory.forProtocol(Shouting)
    first = metered(factory, Noting("first", heard))
    assert metered(first, Noting("second", heard)) is first
    for _ in range(2):
        protocol = first.buildProtocol(None)
        assert isinstance(protocol, Meter)
        assert isinstance(protocol.wrappedProtocol, Shouting)
        transport = StringTransport()
        protocol.makeConnection(transport)
        protocol.dataReceived(b"four")
        assert transport.value() == b"hi FOUR!!"
        protocol.connectionLost(Failure(ConnectionDone()))
    assert heard == 2 * [
        "first connected 0 0",
        "second connected 0 0",
        "first lost 4 9 ConnectionDone",
        "second lost 4 9 ConnectionDone",
    ]
