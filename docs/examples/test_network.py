"""A protocol that knows nothing of netforge, on a simulated network."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.wire import Echo

from netforge.testing import Machine, Network, NotSimulated


class Asking(Protocol):
    def __init__(self) -> None:
        self.answer: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        self.answer.callback(data)


async def ask(client: Machine) -> bytes:
    asking = await connectProtocol(HostnameEndpoint(client.reactor, "server", 7), Asking())
    answer: bytes = await asking.answer
    return answer


def test_echo(network: Network) -> None:
    server, client = network.machine("server"), network.machine("client")
    server.reactor.listenTCP(7, Factory.forProtocol(Echo))
    assert network.run_until(ask(client)) == b"hello"


def test_links_and_the_clock(network: Network) -> None:
    server, client = network.machine("server"), network.machine("client")
    link = network.link(client, server, latency=0.1, jitter=0.05, loss=0.2, bandwidth=10_000)
    server.reactor.listenTCP(7, Factory.forProtocol(Echo))
    asked = Deferred.fromCoroutine(ask(client))
    link.cut()
    network.run(5)
    assert not asked.called
    link.heal()
    assert network.run_until(asked) == b"hello"
    assert 5 < network.now < 60


def test_what_a_simulation_does_not_have(network: Network) -> None:
    import time  # noqa: PLC0415  to show what is wrong with it

    def look() -> None:
        time.time()

    network.machine("server").reactor.callLater(1, look)
    with pytest.raises(NotSimulated, match=r"time.time\(\) reads the wall clock; take a clock as an argument"):
        network.run(2)
    network.failures.clear()
