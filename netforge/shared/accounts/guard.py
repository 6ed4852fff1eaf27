"""The guard against guessing: it counts failures, and refuses who has had too many."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime

from netforge.plugin import TooManyFailures

__all__ = ["Admission", "Failures", "Guard", "Network", "Tally", "network_of"]

Network = IPv4Network | IPv6Network

LOOPBACK = ip_network("127.0.0.1")
MOST_KEYS = 20_000


def network_of(peer: IAddress) -> Network:
    """Who somebody is to the guard: an IPv4 address, or the /64 of an IPv6 address, all of which one customer has.

    UNIX sockets count as 127.0.0.1.
    """
    host: Any = getattr(peer, "host", None)
    if not isinstance(host, str):
        return LOOPBACK
    address = ip_address(host.partition("%")[0])
    if address.version == 4:
        return IPv4Network(address)
    if address.ipv4_mapped is not None:
        return IPv4Network(address.ipv4_mapped)
    return IPv6Network((address, 64), strict=False)


class Tally:
    """When something happened lately, by key.

    :param seconds: how long ago it still counts.
    :param most_keys: how many keys there may be. Then the one that was counted last the longest time ago is forgotten.
    """

    def __init__(self, seconds: float, most_keys: int = MOST_KEYS) -> None:
        self._seconds = seconds
        self._most_keys = most_keys
        self._moments: OrderedDict[Hashable, array[float]] = OrderedDict()

    def wait(self, key: Hashable, most: int, now: float) -> float:
        """In how many seconds a key has less than so many; 0 if it has."""
        moments = self._moments.get(key)
        if moments is None:
            return 0
        while moments and moments[0] <= now - self._seconds:
            del moments[0]
        return 0 if len(moments) < most else moments[-most] + self._seconds - now

    def add(self, key: Hashable, now: float) -> None:
        """Count one more."""
        self._moments.setdefault(key, array("d")).append(now)
        self._moments.move_to_end(key)
        if len(self._moments) > self._most_keys:
            self._moments.popitem(last=False)

    def take_back(self, key: Hashable, moment: float) -> None:
        """Count one less, which happened then."""
        moments = self._moments.get(key)
        if moments is not None and moment in moments:
            moments.remove(moment)
            if not moments:
                del self._moments[key]

    def __len__(self) -> int:
        return len(self._moments)


@dataclass(slots=True)
class Failures:
    """The failures of the last minute by address and account, and of the last hour by address."""

    pairs: Tally = field(default_factory=lambda: Tally(60))
    addresses: Tally = field(default_factory=lambda: Tally(3600))


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody may try. It counts as a failure from the beginning, so that many at once are no way around.

    :param network: who.
    """

    network: Network
    _pair: Hashable
    _moment: float
    _failures: Failures

    def take_back(self) -> None:
        """It was no failure."""
        self._failures.pairs.take_back(self._pair, self._moment)
        self._failures.addresses.take_back(self.network, self._moment)


class Guard:
    """Refuses who has failed too often.

    :param clock: what time it is.
    :param failures: those of before.
    :param pair_most: how many an address may have in a minute for one account.
    :param address_most: how many an address may have in an hour.
    :param exempt: networks whose failures are not counted.
    """

    def __init__(
        self,
        clock: IReactorTime,
        failures: Failures,
        pair_most: int,
        address_most: int,
        exempt: Sequence[Network] = (),
    ) -> None:
        self._clock = clock
        self._failures = failures
        self._pair_most = pair_most
        self._address_most = address_most
        self._exempt = exempt

    def admit(self, network: Network, name: str) -> Admission:
        """Let somebody try to log in.

        :param name: the name that they give, as accounts have it.
        :raises TooManyFailures: they have to wait.
        """
        now = self._clock.seconds()
        pair = (network, name)
        if self._is_exempt(network):
            return Admission(network, pair, now, Failures())
        wait = max(
            self._failures.pairs.wait(pair, self._pair_most, now),
            self._failures.addresses.wait(network, self._address_most, now),
        )
        if wait > 0:
            raise TooManyFailures(wait)
        self._failures.pairs.add(pair, now)
        self._failures.addresses.add(network, now)
        return Admission(network, pair, now, self._failures)

    def _is_exempt(self, network: Network) -> bool:
        return any(network.version == one.version and network.subnet_of(one) for one in self._exempt)  # type: ignore[arg-type]  # of one version
