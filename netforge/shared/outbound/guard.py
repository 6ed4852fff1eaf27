"""The guard: where a request may go whose URL came from somebody who is not trusted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from netforge.plugin import OutboundRefused
from netforge.shared.outbound.addresses import is_public
from netforge.shared.outbound.urls import Target

__all__ = ["Guard"]


class Guard:
    """Keeps requests from servers that only this machine, or its network, is meant to reach.

    :param ports: to which ports they may go.
    :param permitted: networks that they may go to though they are not public.
    """

    def __init__(self, ports: Collection[int] = (80, 443), permitted: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._ports = ports
        self._permitted = permitted

    def check_port(self, target: Target) -> None:
        """Look at a URL before its name is looked up.

        :raises OutboundRefused: if its port is not among those.
        """
        if target.port not in self._ports:
            allowed = ", ".join(map(str, sorted(self._ports)))
            raise OutboundRefused(f"{target.url} leads to port {target.port}; only {allowed} may be used", "name")

    def check_addresses(self, target: Target, addresses: Sequence[str]) -> None:
        """Look at every address that a name has. One that is not public is enough to refuse them all.

        :raises OutboundRefused: naming it.
        """
        for address in addresses:
            if not (is_public(address) or self._is_permitted(address)):
                raise OutboundRefused(f"{target.url} leads to {address}, which is not a public address", "name")

    def _is_permitted(self, host: str) -> bool:
        address = ip_address(host)
        return any(address in network for network in self._permitted)
