"""How much a network holds."""

from __future__ import annotations

from twisted.internet.protocol import ClientFactory

from netforge.testing import Network
from tests.testing.network.conftest import Peer, Serving


class Asking(Peer):
    def connectionMade(self) -> None:
        self.transport.write(b"hello")


def test_ten_thousand_connections() -> None:
    with Network(1, traced=False) as network:
        server = network.machine("server")
        server.reactor.listenTCP(7, Serving(), backlog=10_000)
        peers: list[Asking] = []

        class Clients(ClientFactory[Asking]):
            noisy = False

            def buildProtocol(self, addr: object) -> Asking:
                peers.append(Asking())
                return peers[-1]

        for number in range(10_000):
            network.machine(f"client{number % 10}").reactor.connectTCP(server.address, 7, Clients())
        network.run(5)
        assert [peer.got for peer in peers] == [b"hello"] * 10_000
        assert len(server.kernel.sockets) == 10_001
