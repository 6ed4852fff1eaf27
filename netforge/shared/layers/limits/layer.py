"""The layer: what stands before a factory, or a receiver of datagrams, to decide who is let in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import finalize

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IUDPTransport
from twisted.internet.protocol import AbstractDatagramProtocol, DatagramProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import ILayer, IMetrics, LayerFactory, Listener, Place, metered
from netforge.shared.layers.limits.bandwidth import ThrottleFactory
from netforge.shared.layers.limits.deadlines import Deadlines
from netforge.shared.layers.limits.memory import IMemory
from netforge.shared.layers.limits.networks import Network, client
from netforge.shared.layers.limits.refusals import Refusals
from netforge.shared.layers.limits.settings import Limits, LimitsKeys
from netforge.shared.layers.limits.tallies import Tallies
from netforge.shared.layers.limits.total import Total

__all__ = ["limits"]


@implementer(ILayer)
class Limiting:
    """See :class:`netforge.plugin.ILayer`."""

    name = "limits"
    place = Place.LIMITS
    keys = LimitsKeys
    needs: Sequence[Any] = (IMetrics, IMemory)

    def active(self, keys: LimitsKeys) -> bool:
        return keys.limits is not None

    def wrap_stream(self, factory: IProtocolFactory, keys: LimitsKeys, listener: Listener) -> IProtocolFactory:
        assert keys.limits is not None
        refusals = _refusals(listener, "connections")
        clock, deadlines = listener.context.clock, None
        if keys.limits.greeting or keys.limits.idle:
            deadlines = Deadlines(clock, keys.limits, refusals.cut)
            factory = metered(factory, deadlines)
        if keys.limits.bandwidth:
            factory = ThrottleFactory(factory, clock, keys.limits.bandwidth)
        return LimitedFactory(factory, keys.limits, listener, refusals, deadlines)

    def wrap_datagram(
        self, receiver: AbstractDatagramProtocol, keys: LimitsKeys, listener: Listener
    ) -> AbstractDatagramProtocol:
        assert keys.limits is not None
        if not any(keys.limits.rates):
            return receiver
        return LimitedReceiver(receiver, keys.limits, listener)


limits = Limiting()


def _refusals(listener: Listener, noun: str) -> Refusals:
    context = listener.context
    return Refusals(context[IMetrics], context.log, context.name, str(listener.address), noun)


class _Door:
    """A listener's connections, over reloads."""

    def __init__(self) -> None:
        self.tallies = Tallies()
        self.total = Total()

    def leave(self, networks: Sequence[Network]) -> None:
        """A connection has ended."""
        self.tallies.release(networks)
        self.total.leave()


class LimitedFactory(LayerFactory):
    """Asks for each connection whether it may be. What it builds is what the factory behind it builds.

    Its end is noticed without standing in between, as the host itself does it: by a ``connectionLost`` of the
    protocol's own. A protocol that hands its connection to another one counts until it is forgotten.
    """

    def __init__(
        self,
        factory: IProtocolFactory,
        limits: Limits,
        listener: Listener,
        refusals: Refusals,
        deadlines: Deadlines | None,
    ) -> None:
        super().__init__(factory)
        self._limits = limits
        self._listener = listener
        self._refusals = refusals
        self._deadlines = deadlines
        self._seconds = listener.context.clock.seconds
        self._door = listener.context.keep(listener.address, _Door)
        self._end_watch: Callable[[], None] | None = None

    def startFactory(self) -> None:
        self._door.total.limit(self._limits.total, self._hold)
        # A reason of its own: before and after a reload, each factory takes back what it said itself.
        self._end_watch = self._listener.context[IMemory].watch(partial(self._listener.hold, ("memory", self)))

    def stopFactory(self) -> None:
        if self._end_watch is not None:
            self._end_watch()
        if self._deadlines is not None:
            self._deadlines.stop()

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:  # type: ignore[override]  # no wrapper
        """Build the protocol behind, unless the client has too many connections."""
        networks = _counted(getattr(addr, "host", ""), self._limits)
        if not self._let_in(networks):
            return None
        protocol: IProtocol | None = None
        try:
            protocol = self.wrappedFactory.buildProtocol(addr)
        finally:
            if protocol is None:
                self._door.leave(networks)
        if protocol is not None:
            self._follow(protocol, networks)
        return protocol

    def _let_in(self, networks: Sequence[Network]) -> bool:
        if self._door.total.full:
            # Of those that a port accepts at once, it was too late to leave this one in the queue.
            self._refusals.overflowed()
            return False
        refusal = self._door.tallies.admit(networks, self._seconds(), self._limits.rates, self._limits.connections)
        if refusal is not None:
            self._refusals.refused(refusal)
            return False
        self._door.total.enter()
        return True

    def _follow(self, protocol: Any, networks: Sequence[Network]) -> None:
        # Whichever comes first, the connection's end or the protocol's: it happens once.
        end = finalize(protocol, self._door.leave, networks)
        end.atexit = False
        protocol.connectionLost = partial(_lost, protocol, end)

    def _hold(self, hold: bool) -> None:
        self._listener.hold("total", hold)
        self._refusals.full(hold)


def _lost(protocol: Any, end: Callable[[], object], reason: Failure) -> None:
    del protocol.connectionLost
    end()
    protocol.connectionLost(reason)


def _counted(host: str, limits: Limits) -> Sequence[Network]:
    """The networks that a client counts for. UNIX sockets have no host."""
    if not host:
        return ()
    found = client(host)
    return () if found.loopback and not limits.loopback else found.networks


class LimitedReceiver(DatagramProtocol):
    """Asks for each datagram whether it may be. A source can be forged: what is refused is no more than dropped."""

    noisy = False
    transport: IUDPTransport

    def __init__(self, receiver: AbstractDatagramProtocol, limits: Limits, listener: Listener) -> None:
        self._receiver = receiver
        self._limits = limits
        self._refusals = _refusals(listener, "datagrams")
        self._seconds = listener.context.clock.seconds
        self._tallies = listener.context.keep(listener.address, Tallies)

    def startProtocol(self) -> None:
        self._receiver.makeConnection(self.transport)

    def stopProtocol(self) -> None:
        self._receiver.doStop()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        networks = _counted(addr[0], self._limits)
        refusal = self._tallies.admit(networks, self._seconds(), self._limits.rates) if networks else None
        if refusal is None:
            self._receiver.datagramReceived(datagram, addr)
        else:
            self._refusals.refused(refusal)
