"""Client and server on the simulated network: small packets, slow links, and the three ways to receive."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost

from netforge.protocols.frames import (
    JSON,
    FrameClientFactory,
    FrameProtocol,
    FrameServerFactory,
    IdleError,
    Lines,
    Netstrings,
    Prefixed16,
    Prefixed32,
    Raw,
    Text,
    Varints,
)
from netforge.testing import Network

Scenario = Coroutine[Deferred[Any], Any, Any]


class Ends:
    """A server and a client, each on a machine of its own."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.server = network.machine("server")
        self.client = network.machine("client")

    async def connect(self, handler: Any = None, framing: Any = None, codec: Any = None, **options: Any) -> Any:
        """The client's end of a new connection to a server with these arguments; lines of text unless they say so."""
        framing, codec = framing or Lines(), codec or Text()
        factory = FrameServerFactory(framing, codec, handler, clock=self.server.reactor, **options)
        port: Any = self.server.reactor.listenTCP(0, factory)
        endpoint = HostnameEndpoint(self.client.reactor, "server", port.getHost().port)
        return await endpoint.connect(FrameClientFactory(framing, codec, clock=self.client.reactor))

    def run(self, scenario: Scenario, timeout: float = 600.0) -> Any:
        return self.network.run_until(Deferred.fromCoroutine(scenario), timeout)


@pytest.fixture
def ends() -> Iterator[Ends]:
    with Network(1) as network:
        yield Ends(network)
    assert network.failures == []


def by_function(protocol: FrameProtocol[Any], message: Any) -> None:
    protocol.send(message)


async def by_coroutine(protocol: FrameProtocol[Any], message: Any) -> None:
    await protocol.drained()
    protocol.send(message)


async def by_asking(protocol: FrameProtocol[Any]) -> None:
    try:
        while True:
            message = await protocol.receive()
            await protocol.drained()
            protocol.send(message)
    except ConnectionDone:
        pass


async def by_loop(protocol: FrameProtocol[Any]) -> None:
    async for message in protocol:
        await protocol.drained()
        protocol.send(message)


WAYS: list[dict[str, Any]] = [
    {"handler": by_function},
    {"handler": by_coroutine},
    {"on_connected": by_asking},
    {"on_connected": by_loop},
]
EACH_WAY = pytest.mark.parametrize("way", WAYS, ids=["function", "coroutine", "asking", "loop"])


@EACH_WAY
@pytest.mark.parametrize("framing", [Lines(), Netstrings(), Prefixed16(), Prefixed32(), Varints()], ids=repr)
@pytest.mark.parametrize("mtu", [41, 43, 576])
def test_packets_may_end_anywhere(ends: Ends, way: dict[str, Any], framing: Any, mtu: int) -> None:
    payloads = [b"x" * size for size in (0, 1, 2, 9, 10, 127, 128, 300)]
    ends.network.link("server", "client", mtu=mtu, jitter=0.01)

    async def talk() -> None:
        protocol = await ends.connect(framing=framing, codec=Raw(), **way)
        for payload in payloads:
            protocol.send(payload)
        protocol.transport.loseWriteConnection()
        assert [payload async for payload in protocol] == payloads

    ends.run(talk())


@EACH_WAY
def test_a_slow_link_slows_both_sides_and_nothing_piles_up(ends: Ends, way: dict[str, Any]) -> None:
    texts = [f"{number}" * 500 for number in range(1000)]
    size = sum(map(len, texts))
    link = ends.network.link("server", "client", latency=0.02, bandwidth=100_000.0)
    most = 0

    async def talk() -> None:
        nonlocal most
        protocol = await ends.connect(codec=JSON(str), idle=None, **way)

        async def send() -> None:
            nonlocal most
            for text in texts:
                await protocol.drained()
                protocol.send(text)
                most = max(most, len(protocol.transport.dataBuffer) + protocol.transport._tempDataLen)

        sending = Deferred.fromCoroutine(send())
        assert [await protocol.receive() for _ in texts] == texts
        await sending
        protocol.close()

    ends.run(talk())
    assert link.bandwidth is not None
    assert ends.network.now > size / link.bandwidth
    assert most < 2 * 65536


@EACH_WAY
def test_a_client_that_never_reads_stops_the_server_and_is_cut(ends: Ends, way: dict[str, Any]) -> None:
    reasons: list[Any] = []

    async def talk() -> None:
        protocol = await ends.connect(idle=30, on_lost=lambda _, reason: reasons.append(reason.type), **way)
        protocol.transport.pauseProducing()
        sent = 0
        with pytest.raises((ConnectionLost, ConnectionDone)):
            while True:
                await protocol.drained()
                protocol.send("x" * 1000)
                sent += 1001
        # There and back: two transports, two kernels each way, what waits, and a read.
        assert sent < 12 * 65536

    ends.run(talk())
    assert reasons == [IdleError]


def test_a_slow_handler_has_the_sender_wait(ends: Ends) -> None:
    gates: list[Callable[[], None]] = []
    handled: list[str] = []

    def slowly(protocol: FrameProtocol[str], message: str) -> Deferred[None]:
        handled.append(message)
        gate: Deferred[None] = Deferred()
        gates.append(lambda: gate.callback(None))
        return gate

    async def send(protocol: FrameProtocol[str]) -> None:
        for number in range(500):
            await protocol.drained()
            protocol.send(f"{number:01000}")

    protocol = ends.run(ends.connect(slowly, idle=None))
    sending = Deferred.fromCoroutine(send(protocol))
    ends.network.run(60)
    assert not sending.called
    assert len(handled) == 1
    while len(handled) < 500:
        ends.server.reactor.callLater(0, gates.pop())
        ends.network.run(1)
    assert sending.called
    assert handled == [f"{number:01000}" for number in range(500)]


@EACH_WAY
def test_a_reset_ends_both_sides(ends: Ends, way: dict[str, Any]) -> None:
    reasons: list[Any] = []
    link = ends.network.link("server", "client")
    protocol = ends.run(ends.connect(on_lost=lambda _, reason: reasons.append(reason.type), **way))

    async def lost() -> None:
        with pytest.raises(ConnectionLost):
            await protocol.receive()

    link.reset()
    ends.run(lost())
    assert reasons == [ConnectionLost]
