"""What links do to streams and to datagrams."""

from __future__ import annotations

import pytest
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, DatagramProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from netforge.testing import Machine, Network
from tests.testing.network.conftest import Peer, connected


class Receiver(DatagramProtocol):
    noisy = False

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        self.got.append(datagram)


class Refused(ClientFactory[Peer]):
    noisy = False

    def __init__(self) -> None:
        self.failed: Deferred[object] = Deferred()

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:  # noqa: N802  Twisted's
        self.failed.callback(type(reason.value))


def echoed(network: Network, client: Machine, data: bytes) -> float:
    """How long the echo of data takes over a new connection."""

    async def ask() -> float:
        peer = await connected(client, "server", 7)
        begun = network.now
        peer.transport.write(data)
        assert await peer.receive(len(data)) == data
        return network.now - begun

    return network.run_until(ask(), timeout=3600)


def sent(network: Network, server: Machine, client: Machine, *datagrams: bytes) -> list[bytes]:
    """What arrives of datagrams."""
    receiver, sender = Receiver(), DatagramProtocol()
    server.reactor.listenUDP(53, receiver)
    sender.noisy = False
    client.reactor.listenUDP(0, sender)
    for datagram in datagrams:
        assert sender.transport is not None
        sender.transport.write(datagram, (server.address, 53))
    network.run(10)
    return receiver.got


def test_latency_takes_its_time_both_ways(network: Network, server: Machine, client: Machine) -> None:
    network.link(client, server, latency=0.25)
    assert echoed(network, client, b"hello") == pytest.approx(0.5)


def test_jitter_delays_but_keeps_a_stream_in_order(network: Network, server: Machine, client: Machine) -> None:
    network.link(client, server, latency=0.1, jitter=0.1, mtu=100)
    assert 0.2 < echoed(network, client, bytes(range(256)) * 100) < 0.6


def test_bandwidth_is_shared_by_what_goes_the_same_way(network: Network, server: Machine, client: Machine) -> None:
    network.link(client, server, latency=0, bandwidth=100_000)
    # 200 kB and the headers, there; back at the same time, but for the last piece.
    assert 2.0 < echoed(network, client, bytes(200_000)) < 3.4


def test_a_lossy_link_only_delays_streams(network: Network, server: Machine, client: Machine) -> None:
    network.link(client, server, latency=0.001, loss=0.3, mtu=1500)
    assert 0.2 < echoed(network, client, bytes(50_000)) < 100


def test_a_stream_arrives_in_segments_no_larger_than_the_mtu(
    network: Network, server: Machine, client: Machine
) -> None:
    network.link(client, server, mtu=1500)
    echoed(network, client, bytes(10_000))
    sizes = [len(entry.data) for entry in network.trace if entry.data]
    assert max(sizes) == 1460
    assert sum(sizes) == 20_000


def test_a_cut_link_holds_a_stream_until_it_is_healed(network: Network, server: Machine, client: Machine) -> None:
    link = network.link(client, server)

    async def talk() -> float:
        peer = await connected(client, "server", 7)
        link.cut()
        peer.transport.write(b"hel")
        client.reactor.callLater(30, link.heal)
        await deferLater(client.reactor, 1, peer.transport.write, b"lo")
        assert await peer.receive(5) == b"hello"
        return network.now

    assert 30 < network.run_until(talk()) < 31


def test_a_stream_over_a_link_that_stays_cut_times_out(network: Network, server: Machine, client: Machine) -> None:
    link = network.link(client, server)

    async def talk() -> object:
        peer = await connected(client, "server", 7)
        link.cut()
        peer.transport.write(b"hello")
        return await peer.lost

    assert network.run_until(talk(), timeout=3600) is error.ConnectionLost
    assert 924 < network.now < 926


def test_reset_ends_every_stream_at_both_ends(network: Network, server: Machine, client: Machine) -> None:
    link = network.link(client, server)

    async def talk() -> object:
        peer = await connected(client, "server", 7)
        link.reset()
        return await peer.lost

    assert network.run_until(talk()) is error.ConnectionLost
    network.run(0)
    assert len(server.kernel.sockets) == 1  # the one that listens
    assert client.kernel.sockets == {}


@pytest.mark.parametrize(("timeout", "reason"), [(5, error.TimeoutError), (300, error.TCPTimedOutError)])
def test_nobody_answers_across_a_cut_link(
    network: Network, server: Machine, client: Machine, timeout: float, reason: type[Exception]
) -> None:
    network.link(client, server).cut()
    factory = Refused()
    client.reactor.connectTCP("server", 7, factory, timeout=timeout)
    assert network.run_until(factory.failed, timeout=1000) is reason
    assert network.now == pytest.approx(min(timeout, 127))


def test_who_does_not_listen_refuses(network: Network, server: Machine, client: Machine) -> None:
    factory = Refused()
    client.reactor.connectTCP("server", 8, factory)
    assert network.run_until(factory.failed) is error.ConnectionRefusedError


def test_datagrams_are_lost_by_chance(network: Network, server: Machine, client: Machine) -> None:
    network.link(client, server, loss=0.5)
    got = sent(network, server, client, *(b"%d" % number for number in range(200)))
    assert 60 < len(got) < 140
    assert got == sorted(got, key=int)


def test_datagrams_may_arrive_twice(network: Network, server: Machine, client: Machine) -> None:
    network.link(client, server, duplicate=1.0)
    assert sent(network, server, client, b"a", b"b") == [b"a", b"a", b"b", b"b"]


@pytest.mark.parametrize("how", [{"jitter": 0.1}, {"reorder": 0.5}])
def test_datagrams_may_overtake_each_other(
    network: Network, server: Machine, client: Machine, how: dict[str, float]
) -> None:
    network.link(client, server, latency=0.01, **how)  # type: ignore[arg-type]  # each a number
    datagrams = [b"%d" % number for number in range(20)]
    got = sent(network, server, client, *datagrams)
    assert got != datagrams
    assert sorted(got, key=int) == datagrams


def test_a_datagram_over_the_mtu_is_lost(network: Network, server: Machine, client: Machine) -> None:
    network.link(client, server, mtu=1500)
    assert sent(network, server, client, bytes(1473), bytes(1472)) == [bytes(1472)]
    assert "lost: over the MTU of 1500 bytes" in str(network.trace)


def test_datagrams_are_lost_over_a_cut_link(network: Network, server: Machine, client: Machine) -> None:
    link = network.link(client, server)
    link.cut()
    assert sent(network, server, client, b"hello") == []
    link.heal()
    network.run(1)
    assert "lost: the link is cut" in str(network.trace)


def test_an_mtu_that_is_changed_holds_for_streams_that_are_open(
    network: Network, server: Machine, client: Machine
) -> None:
    link = network.link(client, server)

    async def talk() -> set[int]:
        peer = await connected(client, "server", 7)
        for mtu, size in [(1500, 1460), (41, 1), (0, 1)]:
            link.mtu = mtu
            peer.got = b""
            peer.transport.write(bytes(3000))
            await peer.receive(3000)
            sizes.append(max(len(entry.data) for entry in list(network.trace)[-5:]))
            assert sizes[-1] <= size
        return set(sizes)

    sizes: list[int] = []
    assert 1 in network.run_until(talk())
