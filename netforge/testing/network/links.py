"""Links: what lies between two machines, and what becomes of that which travels there."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from netforge.testing.network.schedule import Schedule
from netforge.testing.network.trace import Trace

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine
    from netforge.testing.network.tcp import TCPSocket

__all__ = ["Link"]

#: Seconds until a lost segment is sent again, the first time; each further time takes twice as long (RFC 6298 allows
#: Linux's floor).
RETRANSMISSION = 0.2
#: Seconds after which a peer that acknowledges nothing is given up, as Linux does by default.
GIVING_UP = 924.6


class Link:
    """A link. Its attributes may be changed at any time, and hold for what is sent from then on.

    :ivar latency: seconds that a packet takes, each way.
    :ivar jitter: up to so many seconds more, by chance. Streams stay in order; datagrams may not.
    :ivar bandwidth: bytes a second, each way; ``None`` for any number.
    :ivar loss: how likely a packet is lost, from 0 to 1. Datagrams stay lost; streams send again, so to them it is
        delay.
    :ivar duplicate: how likely a datagram arrives twice.
    :ivar reorder: how likely a datagram is overtaken by those of the next two latencies.
    :ivar mtu: bytes that a packet carries at most. A larger datagram is dropped, as on a path whose ICMP is filtered;
        a stream arrives in segments of no more, but always of a byte at least.
    """

    def __init__(
        self,
        schedule: Schedule,
        trace: Trace,
        random: Random,
        ends: tuple[Machine, Machine],
        *,
        latency: float,
        jitter: float = 0.0,
        bandwidth: float | None = None,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        mtu: int = 65535,
    ) -> None:
        self.latency = latency
        self.jitter = jitter
        self.bandwidth = bandwidth
        self.loss = loss
        self.duplicate = duplicate
        self.reorder = reorder
        self.mtu = mtu
        self._schedule = schedule
        self._trace = trace
        self._random = random
        self._names = " - ".join(end.name for end in ends)
        self._free = dict.fromkeys(ends, 0.0)
        self._cut = False
        self._held: list[tuple[TCPSocket, int, Callable[..., object], tuple[Any, ...]]] = []
        self._holding: dict[TCPSocket, float] = {}
        self._streams: dict[TCPSocket, None] = {}

    @property
    def is_cut(self) -> bool:
        """Whether nothing gets through."""
        return self._cut

    def cut(self) -> None:
        """Let nothing through. What is on its way still arrives; streams notice nothing for a long time."""
        if not self._cut:
            self._cut = True
            self._trace.note("link", f"{self._names} is cut")

    def heal(self) -> None:
        """Let everything through again: streams send what was held, datagrams are lost."""
        if self._cut:
            self._cut = False
            self._trace.note("link", f"{self._names} is healed")
            held, self._held = self._held, []
            self._holding.clear()
            for stream, size, call, arguments in held:
                self.segment(stream, size, call, *arguments)

    def reset(self) -> None:
        """Reset every stream across this link at both of its ends, as a firewall does that has lost its tables."""
        self._trace.note("link", f"{self._names} resets its streams")
        for stream in list(self._streams):
            self._schedule.soon(stream.machine, stream.be_reset)

    def join(self, stream: TCPSocket) -> None:
        """A stream goes across this link from now on."""
        self._streams[stream] = None

    def leave(self, stream: TCPSocket) -> None:
        """A stream does no longer."""
        self._streams.pop(stream, None)

    def segment(self, stream: TCPSocket, size: int, call: Callable[..., object], *arguments: Any) -> None:
        """Carry a part of a stream to its peer, where *call* happens, after everything that the stream sent before."""
        now = self._schedule.now
        if self._cut:
            self._held.append((stream, size, call, arguments))
            if stream not in self._holding:
                self._holding[stream] = now
                self._schedule.at(now + GIVING_UP, stream.machine, stream.give_up, now)
            return
        arrival, again = self._arrival(stream.machine, size), RETRANSMISSION
        while self._lost():
            arrival += again
            again *= 2
        stream.arrival = max(arrival, stream.arrival)
        self._schedule.at(stream.arrival, stream.far, call, *arguments)

    def holds(self, stream: TCPSocket) -> float | None:
        """Since when something of a stream is held because the link is cut; ``None`` if nothing is."""
        return self._holding.get(stream)

    def packet(self, sender: Machine, receiver: Machine, size: int, call: Callable[..., object], *args: Any) -> None:
        """Carry what belongs to no stream yet, unless the link is cut."""
        if not self._cut:
            self._schedule.at(self._arrival(sender, size), receiver, call, *args)

    def datagram(self, sender: Machine, receiver: Machine, size: int, call: Callable[..., object], *args: Any) -> str:
        """Carry a datagram, or not.

        :return: what became of it, for the trace: nothing worth a word, or why it will not arrive, or how.
        """
        if self._cut:
            return "lost: the link is cut"
        if size > self.mtu:
            return f"lost: over the MTU of {self.mtu} bytes"
        if self._lost():
            return "lost"
        fate = ""
        for _ in range(2 if self.duplicate and self._random.random() < self.duplicate else 1):
            arrival = self._arrival(sender, size)
            if self.reorder and self._random.random() < self.reorder:
                arrival += self._random.uniform(0, 2) * self.latency
                fate = "late"
            self._schedule.at(arrival, receiver, call, *args)
        return fate

    def knocks(self) -> bool:
        """Whether a packet that opens a stream gets through this time."""
        return not (self._cut or self._lost())

    def _lost(self) -> bool:
        return self.loss > 0 and self._random.random() < self.loss

    def _arrival(self, sender: Machine, size: int) -> float:
        """When a packet arrives that is sent now: after those before it have left, and its way."""
        leaves = self._schedule.now
        if self.bandwidth is not None:
            leaves = self._free[sender] = max(leaves, self._free[sender]) + size / self.bandwidth
        if self.jitter:
            leaves += self._random.uniform(0, self.jitter)
        return leaves + self.latency
