"""The networks that a client belongs to."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

__all__ = ["Client", "Network", "client"]

#: One host, and the customers and providers it may be one of many of, by IP version: the sizes of networks, in bits.
PREFIXES = {4: (32, 26, 21), 6: (64, 48, 32)}

#: Hosts that are remembered, so that who comes again is not spelled out again.
REMEMBERED = 4096


class Network(NamedTuple):
    """A network.

    :param version: 4 or 6.
    :param prefix: how many bits are given.
    :param number: those bits.
    """

    version: int
    prefix: int
    number: int

    def __str__(self) -> str:
        width = 32 if self.version == 4 else 128
        bits = self.number << (width - self.prefix)
        return str(ip_network((bits.to_bytes(width // 8), self.prefix)))


class Client(NamedTuple):
    """Where a client is.

    :param loopback: whether it is on this machine.
    :param networks: those that it belongs to, the smallest first.
    """

    loopback: bool
    networks: tuple[Network, ...]


@lru_cache(REMEMBERED)
def client(host: str) -> Client:
    """Find the networks of a client.

    :param host: its address, as Twisted spells it.
    """
    address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        # An inherited socket may take both, and one client must not count twice.
        address = address.ipv4_mapped
    bits, width = int(address), address.max_prefixlen
    networks = (Network(address.version, prefix, bits >> (width - prefix)) for prefix in PREFIXES[address.version])
    return Client(address.is_loopback, tuple(networks))
