"""Machines, and protocols that write down what happens to them."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure

from netforge.testing import Machine, Network


class Peer(Protocol):
    """Keeps what it gets, and the reason of its end."""

    transport: Any

    def __init__(self) -> None:
        self.got = b""
        self.lost: Deferred[object] = Deferred()
        self._wanted: list[tuple[int, Deferred[bytes]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        for one in [one for one in self._wanted if len(self.got) >= one[0]]:
            self._wanted.remove(one)
            one[1].callback(self.got)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(type(reason.value))

    def receive(self, size: int) -> Deferred[bytes]:
        """Fires with everything that came, once it is so many bytes."""
        arrived: Deferred[bytes] = Deferred()
        self._wanted.append((size, arrived))
        self.dataReceived(b"")
        return arrived


class Serving(ServerFactory[Any]):
    """Serves a protocol, and keeps what it built."""

    noisy = False

    def __init__(self, protocol: Any = Echo) -> None:
        self.protocol = protocol
        self.built: list[Any] = []

    def buildProtocol(self, addr: object) -> Any:
        self.built.append(super().buildProtocol(addr))  # type: ignore[arg-type]  # whatever it is
        return self.built[-1]


async def connected(machine: Machine, host: str, port: int) -> Peer:
    """A connection from a machine."""
    protocol = await connectProtocol(HostnameEndpoint(machine.reactor, host, port), Peer())
    assert isinstance(protocol, Peer)
    return protocol


@pytest.fixture
def server(network: Network) -> Machine:
    """A machine that serves echo on port 7."""
    machine = network.machine("server")
    machine.reactor.listenTCP(7, Serving())
    return machine


@pytest.fixture
def client(network: Network) -> Machine:
    return network.machine("client")
