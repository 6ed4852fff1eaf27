"""Which addresses are of the public Internet."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

__all__ = ["is_public"]

#: What IANA has set apart (IPv4 Special-Purpose Address Registry; RFC 6890 and later), multicast and class E.
NOT_PUBLIC = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
#: All that is given out to networks (RFC 4291, section 2.4). Outside are loopback, link-local, unique local and
#: multicast addresses, and those that hold an IPv4 address: mapped, compatible, and NAT64's (RFC 6052, RFC 8215).
UNICAST = IPv6Network("2000::/3")
#: What IANA has set apart in it: Teredo, ORCHID and more in the first, 6to4 in the third; documentation, AS112.
NOT_PUBLIC_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")))


def is_public(host: str) -> bool:
    """Whether anybody on the Internet may use an address, and means the same host.

    :raises ValueError: if it is no address.
    """
    address = ip_address(host)
    if address.version == 4:
        return not any(address in network for network in NOT_PUBLIC)
    return address.scope_id is None and address in UNICAST and not any(address in network for network in NOT_PUBLIC_6)
