"""Names of the simulated network, and how they are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IReactorTime, IResolutionReceiver
from zope.interface import implementer

if TYPE_CHECKING:
    from netforge.testing.network.trace import Trace

__all__ = ["Names"]


class Names:
    """Who is called what. Machines enter by themselves; ``localhost`` is each machine itself.

    :ivar delay: seconds that a lookup takes.
    """

    def __init__(self, trace: Trace) -> None:
        self.delay = 0.0
        self._trace = trace
        self._addresses: dict[str, tuple[str, ...]] = {"localhost": ("127.0.0.1",)}

    def add(self, name: str, *addresses: str) -> None:
        """Let a name have these addresses, and no others."""
        self._addresses[name.lower()] = addresses

    def remove(self, name: str) -> None:
        """Let a name be unknown.

        :raises LookupError: if it is so already.
        """
        del self._addresses[name.lower()]

    def resolver(self, clock: IReactorTime) -> IHostnameResolver:
        """What a reactor looks names up with."""
        resolver: IHostnameResolver = _Resolver(self, clock)
        return resolver

    def look_up(self, name: str) -> Sequence[str]:
        """The addresses of a name, of which there may be none."""
        if isIPAddress(name) or isIPv6Address(name):
            return (name,)
        found = self._addresses.get(name.lower(), ())
        self._trace.note("name", f"{name} is {', '.join(found) or 'unknown'}")
        return found


@implementer(IHostnameResolver)
class _Resolver:
    def __init__(self, names: Names, clock: IReactorTime) -> None:
        self._names = names
        self._clock = clock

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def answer() -> None:
            if not resolution.cancelled:
                for host in self._names.look_up(hostName):
                    kind: Any = IPv6Address if ":" in host else IPv4Address
                    if addressTypes is None or kind in addressTypes:
                        resolutionReceiver.addressResolved(kind(transportSemantics, host, portNumber))
                resolutionReceiver.resolutionComplete()

        self._clock.callLater(self._names.delay, answer)
        begun: IHostResolution = resolution
        return begun


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
