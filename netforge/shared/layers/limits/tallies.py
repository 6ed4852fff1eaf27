"""Who has how many connections, and how many were new lately: by network, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netforge.shared.layers.limits.networks import Network

__all__ = ["Refusal", "Tallies", "Tally"]

MINUTE = 60.0

#: Networks after which those that nobody comes from any more are looked for the first time.
FIRST_SWEEP = 1024
#: Networks without a connection that are remembered at most, when a sweep is over. An attacker who has an IPv6 /32
#: can come from four billion of /64.
MOST = 50_000


class Tally:
    """What is known of one network.

    :ivar live: its connections.
    :ivar full: when it will have come so rarely again that the whole of its rate is free, in the clock's seconds.
    :ivar refused: how often it was refused since that was last told.
    :ivar told: when that was.
    """

    __slots__ = ("full", "live", "refused", "told")

    def __init__(self) -> None:
        self.live = 0
        self.full = 0.0
        self.refused = 0
        self.told = -MINUTE


class Refusal(NamedTuple):
    """Why somebody was not let in.

    :param network: who has too many.
    :param reason: of what: ``connections`` or ``rate``.
    :param times: how often it was refused since that was last told; 0 if it is too early to tell again.
    """

    network: Network
    reason: str
    times: int


class Tallies:
    """The networks that clients come from.

    A rate is a bucket that is a minute's worth deep and fills evenly. Of it only the time is kept when it will be
    full, so that it needs no timer, and is forgotten soon after a network's last client.
    """

    def __init__(self) -> None:
        self._tallies: dict[Network, Tally] = {}
        self._sweep_at = FIRST_SWEEP

    def __len__(self) -> int:
        return len(self._tallies)

    def admit(
        self, networks: Sequence[Network], now: float, rates: Sequence[int], most: Sequence[int] = ()
    ) -> Refusal | None:
        """Let a client in, or say why not.

        :param networks: those of the client. If it is let in, it counts for each of them.
        :param now: the time.
        :param rates: how many may be new a minute, for each of the networks; 0 for any number.
        :param most: how many may stay at once, likewise. Whoever is let in stays until :meth:`release`; if left out,
            nobody stays.
        """
        for level, network in enumerate(networks):
            tally = self._tallies.get(network)
            if tally is None:
                continue
            if most and 0 < most[level] <= tally.live:
                return _refused(tally, network, "connections", now)
            # The half is for rounding.
            if rates[level] and tally.full - now > MINUTE * (1 - 0.5 / rates[level]):
                return _refused(tally, network, "rate", now)
        if len(self._tallies) >= self._sweep_at:
            self._sweep(now)
        for network, rate in zip(networks, rates, strict=False):
            tally = self._tallies.get(network)
            if tally is None:
                tally = self._tallies[network] = Tally()
            if most:
                tally.live += 1
            if rate:
                tally.full = max(tally.full, now) + MINUTE / rate
        return None

    def release(self, networks: Sequence[Network]) -> None:
        """Somebody who was let in has gone."""
        for network in networks:
            self._tallies[network].live -= 1

    def _sweep(self, now: float) -> None:
        """Forget who is not here and was not here lately; and, if they are too many, who only was here lately."""
        kept = {network: tally for network, tally in self._tallies.items() if tally.live or tally.full > now}
        if len(kept) > MOST:
            kept = {network: tally for network, tally in kept.items() if tally.live}
        self._tallies = kept
        self._sweep_at = max(FIRST_SWEEP, 2 * len(kept))


def _refused(tally: Tally, network: Network, reason: str, now: float) -> Refusal:
    tally.refused += 1
    times = 0
    if now - tally.told >= MINUTE:
        times, tally.refused, tally.told = tally.refused, 0, now
    return Refusal(network, reason, times)
