"""Limits on how often a client may ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable
from functools import lru_cache
from ipaddress import ip_address
from math import ceil

from twisted.internet.interfaces import IAddress, IReactorTime

from netforge.plugin import Connection, Field
from netforge.protocols.http import Application, Exchange, HTTPError
from netforge.services.web.around.layer import Layer, Premises
from netforge.services.web.shorthand import Short

__all__ = ["Buckets", "RateSettings", "network_of", "rate_limit"]

#: The most clients that are remembered. Whoever asked last the longest time ago is forgotten.
MOST_CLIENTS = 20_000


class RateSettings(Short):
    """How often a client may ask."""

    requests: int = Field(
        ge=1, description="how many requests an IPv4 address or the /64 of an IPv6 address has, all at once if it likes"
    )
    seconds: float = Field(60.0, gt=0, description="within how long it gets as many again, one by one")


class Buckets:
    """A token bucket for each client.

    :param most: the tokens of a full one.
    :param seconds: how long an empty one takes to fill.
    """

    def __init__(self, clock: IReactorTime, most: int, seconds: float) -> None:
        self._now = clock.seconds
        self._most = most
        self._interval = seconds / most
        # When each bucket will be full, which says how many tokens it lacks.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token.

        :return: 0, or the seconds until there is one.
        """
        now = self._now()
        full_at = max(self._full_at.pop(client, now), now) + self._interval
        wait = full_at - now - self._most * self._interval
        # Times are sums of many intervals, none of them exact.
        if wait > 1e-6:
            self._full_at[client] = full_at - self._interval
            return wait
        self._full_at[client] = full_at
        if len(self._full_at) > MOST_CLIENTS:
            self._full_at.popitem(last=False)
        return 0


@lru_cache(4096)
def _network(host: str) -> str:
    address = ip_address(host.partition("%")[0])
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return ""
    return str(address) if address.version == 4 else f"{int(address) >> 64:x}"


def network_of(peer: IAddress) -> str:
    """Who a client is to the limits: its IPv4 address, or the /64 of its IPv6 address; empty on this machine."""
    host = getattr(peer, "host", None)
    return _network(host) if isinstance(host, str) else ""


def rate_limit(settings: RateSettings | None, premises: Premises) -> Layer | None:
    """The layer that refuses who asks too often. Clients on this machine may ask as often as they like."""
    if settings is None:
        return None
    buckets = Buckets(premises.context.clock, settings.requests, settings.seconds)

    def around(application: Application) -> Application:
        def limited(exchange: Exchange) -> Awaitable[object] | None:
            client = network_of(Connection.of(exchange.transport).peer)
            if client and (wait := buckets.take(client)):
                raise HTTPError(429, "too many requests", [(b"retry-after", b"%d" % ceil(wait))])
            return application(exchange)

        return limited

    return around
