"""Names and addresses of the simulated network."""

from __future__ import annotations

import pytest
from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol

from netforge.testing import Machine, Network
from tests.testing.network.conftest import Peer, Serving, connected


def test_machines_are_found_by_name_and_have_addresses_of_their_own(network: Network) -> None:
    machines = [network.machine(f"m{number}") for number in range(300)]
    assert machines[0] is network.machine("m0")
    assert (machines[0].address, machines[299].address) == ("10.0.0.1", "10.0.1.44")
    assert len({machine.address for machine in machines} | {machine.address6 for machine in machines}) == 600


def test_a_lookup_takes_its_delay(network: Network, server: Machine, client: Machine) -> None:
    network.names.delay = 3
    network.run_until(connected(client, "server", 7))
    assert 3 < network.now < 3.1


@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_name_fails(network: Network, server: Machine, client: Machine, *, known: bool) -> None:
    if known:
        network.names.remove("server")
    with pytest.raises(error.DNSLookupError):
        network.run_until(connected(client, "server" if known else "nobody", 7))


def test_a_name_may_have_several_addresses_and_one_that_answers_is_found(
    network: Network, server: Machine, client: Machine
) -> None:
    network.names.add("Cluster", network.machine("dead").address, server.address, server.address6)
    peer = network.run_until(connected(client, "cluster", 7))
    assert peer.transport.getPeer() == IPv4Address("TCP", server.address, 7)


def test_a_machine_reaches_itself_as_localhost(network: Network, server: Machine) -> None:
    peer = network.run_until(connected(server, "localhost", 7))
    assert peer.transport.getPeer() == IPv4Address("TCP", "127.0.0.1", 7)
    assert peer.transport.getHost().host == "127.0.0.1"


def test_what_listens_on_loopback_is_not_reached_from_elsewhere(network: Network, client: Machine) -> None:
    server = network.machine("server")
    server.reactor.listenTCP(7, Serving(), interface="127.0.0.1")
    network.run_until(connected(server, "localhost", 7))
    with pytest.raises(error.ConnectionRefusedError):
        network.run_until(connected(client, "server", 7))


def test_ipv6(network: Network, client: Machine) -> None:
    server = network.machine("server")
    factory = Serving(Peer)
    server.reactor.listenTCP(7, factory, interface="::")

    async def ask() -> bytes:
        endpoint = HostnameEndpoint(client.reactor, server.address6, 7)
        peer = await connectProtocol(endpoint, Peer())
        assert isinstance(peer, Peer)
        peer.transport.write(b"hello")
        received: bytes = await factory.built[0].receive(5)
        return received

    assert network.run_until(ask()) == b"hello"
    address = factory.built[0].transport.getPeer()
    assert isinstance(address, IPv6Address)
    assert address.host == client.address6
