"""Looking up names."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

__all__ = ["Address", "Found", "look_up"]

Address = IPv4Address | IPv6Address


def look_up(resolver: IHostnameResolver, host: str, port: int) -> Deferred[list[Address]]:
    """All addresses of a host, in the order in which they should be tried.

    :raises DNSLookupError: through the Deferred, if there are none.
    """
    if isIPAddress(host):
        return succeed([IPv4Address("TCP", host, port)])
    if isIPv6Address(host):
        return succeed([IPv6Address("TCP", host, port)])
    receiver = _Receiver(host)
    resolver.resolveHostName(receiver, host, port)
    return receiver.done


@implementer(IResolutionReceiver)
class _Receiver:
    def __init__(self, host: str) -> None:
        self.done: Deferred[list[Address]] = Deferred()
        self._host = host
        self._addresses: list[Address] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: IAddress) -> None:
        if isinstance(address, Address):
            self._addresses.append(address)

    def resolutionComplete(self) -> None:
        if self._addresses:
            self.done.callback(self._addresses)
        else:
            self.done.errback(DNSLookupError(f"there is no host called {self._host}"))


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class Found:
    """A reactor for ``HostnameEndpoint``, by which any name has these addresses and no others.

    So what was looked at is what is connected to, whatever another lookup would say.
    """

    def __init__(self, reactor: object, addresses: list[Address]) -> None:
        self._reactor = reactor
        self._addresses = addresses

    def __getattr__(self, name: str) -> object:
        return getattr(self._reactor, name)

    @property
    def nameResolver(self) -> IHostnameResolver:
        """Itself."""
        return self

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Nothing else is looked up in.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError("what was found is found")

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See ``IHostnameResolver``."""
        resolution: IHostResolution = _Resolution()
        resolutionReceiver.resolutionBegan(resolution)
        for address in self._addresses:
            resolutionReceiver.addressResolved(address)
        resolutionReceiver.resolutionComplete()
        return resolution


@implementer(IHostResolution)
class _Resolution:
    name = ""

    def cancel(self) -> None:
        """It is over already."""
