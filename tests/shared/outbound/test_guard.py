"""Untrusted URLs: what they must not lead to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.plugin import OutboundRefused
from netforge.shared.outbound.addresses import is_public
from netforge.shared.outbound.guard import Guard
from netforge.shared.outbound.proxies import Proxies, Proxy
from tests.shared.outbound.conftest import World, hello

PUBLIC = "198.41.0.4"


@given(st.ip_addresses())
def test_what_is_public_is_so_by_pythons_tables_too(address: IPv4Address | IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not (address.is_multicast or address.is_private or address.is_reserved or address.is_link_local)


@given(st.ip_addresses(v=4))
def test_no_ipv6_address_that_holds_an_ipv4_address_is_public(address: IPv4Address) -> None:
    number = int(address)
    six_to_four = IPv6Address((0x2002 << 112) | (number << 80))
    teredo = IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))
    for prefix in ("::ffff:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"):
        assert not is_public(str(IPv6Address(int(IPv6Address(f"{prefix}0.0.0.0")) | number)))
    assert not is_public(str(six_to_four))
    assert not is_public(str(teredo))


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1"),
        *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "100::1", "2001:db8::1", "3fff::1"),
        *("2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "5f00::1", "4000::1", "fe80::1%eth0"),
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:4860::8888"),
    ],
)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


def refusal(world: World, url: str, **rules: Any) -> str:
    with pytest.raises(OutboundRefused) as raised:
        world.get(url, world.client(**rules), untrusted=True)
    return str(raised.value)


def test_a_public_server_may_be_asked(world: World) -> None:
    world.serve(address=PUBLIC)
    assert world.get(untrusted=True) == (200, b"hello")
    assert world.get(f"http://{PUBLIC}/", untrusted=True) == (200, b"hello")


def test_a_private_server_may_not(world: World) -> None:
    world.serve()
    assert "leads to 10.0.0.2, which is not a public address" in refusal(world, "http://server/")
    assert "leads to 127.0.0.1" in refusal(world, "http://localhost/")
    assert "leads to 127.0.0.1" in refusal(world, "http://\uff11\uff12\uff17.0.0.1/")
    assert "leads to ::1" in refusal(world, "http://[::1]/")
    assert "leads to ::ffff:" in refusal(world, "http://[::ffff:127.0.0.1]/")
    assert not world.seen and not world.connections


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "127.0.0.1.", "1.1.1.0x1"),
        *("[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1", "[127.0.0.1]", "127.0.0.1%2f", "a b", "a\\@b"),
    ],
)
def test_odd_spellings_of_addresses_are_no_urls(world: World, host: str) -> None:
    for untrusted in (True, False):
        with pytest.raises(ValueError, match="http://"):
            world.get(f"http://{host}/", untrusted=untrusted)


def test_one_private_address_of_many_is_enough(world: World) -> None:
    world.serve(address=PUBLIC)
    world.network.names.add("mixed", PUBLIC, "10.0.0.2")
    assert "leads to 10.0.0.2" in refusal(world, "http://mixed/")


def test_what_was_looked_at_is_what_is_connected_to(world: World) -> None:
    """A name that changes between two lookups (DNS rebinding) is looked up once."""
    world.serve(address=PUBLIC)
    world.serve(lambda exchange: exchange.respond(200, [], b"secret"), "inside")
    look_up = world.network.names.look_up
    asked: list[str] = []

    def rebinding(name: str) -> Any:
        if name == "evil":
            asked.append(name)
            return (PUBLIC,) if len(asked) == 1 else ("10.0.0.3",)
        return look_up(name)

    world.network.names.look_up = rebinding  # type: ignore[method-assign]  # a name server that is not honest
    assert world.get("http://evil/", untrusted=True) == (200, b"hello")
    assert asked == ["evil"]


def test_every_redirect_is_looked_at(world: World) -> None:
    world.serve(lambda exchange: exchange.respond(302, [(b"location", b"http://inside/")]), address=PUBLIC)
    world.serve(hello, "inside")
    assert "http://inside/ leads to 10.0.0.3" in refusal(world, "http://server/")
    assert len(world.seen) == 1


def test_connections_of_trusted_requests_are_not_for_others(world: World) -> None:
    world.serve()
    client = world.client()
    assert world.get(client=client) == (200, b"hello")
    with pytest.raises(OutboundRefused):
        world.get(client=client, untrusted=True)


def test_ports_are_of_the_web(world: World) -> None:
    world.serve(port=6379, address=PUBLIC)
    assert "leads to port 6379; only 80, 443 may be used" in refusal(world, "http://server:6379/")
    assert world.get("http://server:6379/", world.client(guard=Guard([6379])), untrusted=True) == (200, b"hello")


def test_a_network_of_ones_own_may_be_permitted(world: World) -> None:
    world.serve()
    guard = Guard(permitted=[IPv4Network("10.0.0.0/24")])
    assert world.get("http://server/", world.client(guard=guard), untrusted=True) == (200, b"hello")


def test_no_proxy_takes_part(world: World) -> None:
    """It would look up the name itself."""
    world.serve(address=PUBLIC)
    proxy = Proxy("proxy", 3128)
    assert world.get(client=world.client(proxies=Proxies(proxy, proxy)), untrusted=True) == (200, b"hello")


def test_a_refusal_is_not_tried_again(world: World) -> None:
    world.serve()
    refusal(world, "http://server/", retries=5)
    assert world.network.now < 0.1
