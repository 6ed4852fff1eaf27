"""UDP."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.protocol import Factory

from tests.testing.behaviours.recording import BrokenError, Datagrams
from tests.testing.behaviours.streams import forgets_a_socket, port_of, settle
from tests.testing.behaviours.worlds import World


def listen_udp(world: World, protocol: Datagrams, number: int = 0) -> Any:
    return world.server.listenUDP(number, protocol, interface=world.host)


def pair(world: World) -> tuple[Datagrams, Datagrams]:
    """A protocol on a port of the server's, and one on a port of the client's."""
    server, client = Datagrams(world.client), Datagrams(world.client)
    listen_udp(world, server)
    # At the same interface as the server's, if that is the same machine.
    world.client.listenUDP(0, client)
    return server, client


def address(protocol: Datagrams) -> tuple[str, int]:
    host = protocol.transport.getHost()
    return host.host, host.port


async def test_datagrams_arrive_whole_with_the_address_of_their_sender(world: World) -> None:
    server, client = pair(world)
    for data in (b"one", b"", b"three"):
        client.transport.write(data, address(server))
    await server.happened("datagram", times=3)
    assert [event[1] for event in server.events[1:]] == [b"one", b"", b"three"]
    sender = server.events[1][2]
    assert sender[1] == address(client)[1]
    server.transport.write(b"answer", sender)
    await client.happened("datagram")
    assert client.events == [("start",), ("datagram", b"answer", address(server))]


async def test_datagrams_are_written_in_pieces(world: World) -> None:
    server, client = pair(world)
    client.transport.writeSequence([b"in ", b"pieces"], address(server))
    await server.happened("datagram")
    assert server.events[1][1] == b"in pieces"


async def test_a_port_knows_its_address(world: World) -> None:
    protocol = Datagrams(world.client)
    port = listen_udp(world, protocol)
    assert port.getHost() == protocol.transport.getHost() == IPv4Address("UDP", world.host, port_of(port))
    assert port_of(port) != 0
    anywhere = world.server.listenUDP(0, Datagrams(world.client))
    assert anywhere.getHost().host == "0.0.0.0"


async def test_a_protocol_of_a_port_starts_at_once_and_stops_with_it(world: World) -> None:
    protocol = Datagrams(world.client)
    port = listen_udp(world, protocol)
    assert protocol.events == [("start",)]
    await port.stopListening()
    assert protocol.events == [("start",), ("stop",)]


async def test_a_port_that_was_closed_hears_no_more_and_is_free(world: World) -> None:
    server, client = pair(world)
    there = address(server)
    await server.transport.stopListening()
    client.transport.write(b"too late", there)
    again = Datagrams(world.client)
    listen_udp(world, again, there[1])
    client.transport.write(b"hello", there)
    await again.happened("datagram")
    assert server.events == [("start",), ("stop",)]
    assert again.events[-1][1] == b"hello"


@forgets_a_socket
async def test_a_taken_port_cannot_be_listened_on(world: World) -> None:
    number = port_of(listen_udp(world, Datagrams(world.client)))
    protocol = Datagrams(world.client)
    with pytest.raises(CannotListenError) as caught:
        listen_udp(world, protocol, number)
    assert (caught.value.interface, caught.value.port) == (world.host, number)
    assert protocol.events == []


async def test_ports_of_udp_and_tcp_have_numbers_of_their_own(world: World) -> None:
    # In this order, since others on this computer use many numbers of TCP for a moment, and few of UDP.
    number = port_of(world.server.listenTCP(0, Factory(), interface=world.host))
    assert port_of(world.server.listenUDP(number, Datagrams(world.client), interface=world.host)) == number


async def test_a_connected_port_needs_no_address_and_hears_its_peer_only(world: World) -> None:
    server, client = pair(world)
    client.transport.connect(*address(server))
    client.transport.write(b"hello")
    await server.happened("datagram")
    sender = server.events[1][2]
    stranger = Datagrams(world.client)
    listen_udp(world, stranger)
    stranger.transport.write(b"from a stranger", sender)
    server.transport.write(b"answer", sender)
    await client.happened("datagram")
    assert client.events[1:] == [("datagram", b"answer", address(server))]


async def test_a_connected_port_learns_that_nobody_listens(world: World) -> None:
    server, client = pair(world)
    there = address(server)
    await server.transport.stopListening()
    client.transport.connect(*there)
    client.transport.write(b"anybody?")
    await client.until(lambda: len(client.events) > 1)
    # Epoll does not tell it from a hang-up, whereupon the port is closed; select does.
    assert client.events[1] in (("refused",), ("stop",))


async def test_a_connected_port_learns_when_it_writes_that_nobody_listens(world: World) -> None:
    server, client = pair(world)
    there = address(server)
    await server.transport.stopListening()
    client.transport.connect(*there)
    client.transport.pauseProducing()
    client.transport.write(b"anybody?")
    await settle(world)
    client.transport.write(b"nobody?")
    assert client.events == [("start",), ("refused",)]
    await client.transport.stopListening()


async def test_a_port_that_is_not_connected_never_learns_that_nobody_listens(world: World) -> None:
    server, client = pair(world)
    other = Datagrams(world.client)
    listen_udp(world, other)
    there = address(server)
    await server.transport.stopListening()
    client.transport.write(b"anybody?", there)
    client.transport.write(b"hello", address(other))
    await other.happened("datagram")
    other.transport.write(b"answer", other.events[1][2])
    await client.happened("datagram")
    assert [event[0] for event in client.events] == ["start", "datagram"]


async def test_a_datagram_may_have_65507_bytes_and_no_more(world: World) -> None:
    server, client = Datagrams(world.client), Datagrams(world.client)
    world.server.listenUDP(0, server, interface=world.host, maxPacketSize=65536)
    world.client.listenUDP(0, client)
    with pytest.raises(MessageLengthError):
        client.transport.write(bytes(65508), address(server))
    client.transport.write(bytes(65507), address(server))
    await server.happened("datagram")
    assert server.events[1][1] == bytes(65507)


async def test_a_datagram_that_is_larger_than_the_receiver_takes_is_cut_short(world: World) -> None:
    server, client = Datagrams(world.client), Datagrams(world.client)
    world.server.listenUDP(0, server, interface=world.host, maxPacketSize=4)
    world.client.listenUDP(0, client)
    client.transport.write(b"too long", address(server))
    client.transport.write(b"fits", address(server))
    await server.happened("datagram", times=2)
    assert [event[1] for event in server.events[1:]] == [b"too ", b"fits"]


async def test_a_paused_port_hears_later(world: World) -> None:
    server, client = pair(world)
    server.transport.pauseProducing()
    client.transport.write(b"hello", address(server))
    await settle(world)
    assert server.events == [("start",)]
    server.transport.resumeProducing()
    await server.happened("datagram")
    assert server.events[1][1] == b"hello"


async def test_what_no_socket_has_room_for_is_lost(world: World) -> None:
    server, client = pair(world)
    server.transport.pauseProducing()
    for _ in range(100):
        client.transport.write(bytes(8000), address(server))
    await settle(world)
    server.transport.resumeProducing()
    await server.happened("datagram")
    late = Datagrams(world.client)
    world.client.listenUDP(0, late).write(b"done", address(server))
    await server.until(lambda: any(event[1] == b"done" for event in server.events[1:]))
    assert 1 < len(server.events) < 100


async def test_an_error_over_a_datagram_is_logged_and_the_port_lives(world: World) -> None:
    class Broken(Datagrams):
        def datagramReceived(self, datagram: bytes, addr: Any) -> None:
            super().datagramReceived(datagram, addr)
            if datagram == b"poison":
                raise BrokenError

    server, client = Broken(world.client), Datagrams(world.client)
    listen_udp(world, server)
    world.client.listenUDP(0, client)
    for data in (b"poison", b"hello"):
        client.transport.write(data, address(server))
    await server.happened("datagram", times=2)
    assert len(world.flush(BrokenError)) == 1
