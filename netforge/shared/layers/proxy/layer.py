"""The layer: it reads the header of the PROXY protocol, and only then is there a connection for what is behind."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any, cast

from pydantic import field_validator
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, ITransport
from twisted.internet.protocol import AbstractDatagramProtocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import (
    Connection,
    Field,
    ILayer,
    IMetrics,
    LayerFactory,
    LayerProtocol,
    Listener,
    Place,
    Settings,
)
from netforge.protocols.deadlines import Deadline
from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.proxyheader import Endpoint, Header, HeaderReader
from netforge.shared.layers.proxy.refusals import Refusals

__all__ = ["ProxyKeys", "proxy"]

#: Seconds for a proxy to send its header. Section 2 wants at least 3, which a lost packet may take.
DEADLINE = 5.0

#: The word for peers on UNIX sockets, which have no address.
UNIX = "unix"


class ProxyKeys(Settings):
    """The PROXY protocol."""

    proxy_from: list[str] = Field(
        [],
        description="networks of proxies, such as 10.0.0.0/8, or unix for those on a UNIX socket: these must send a "
        "header of the PROXY protocol, and nobody else may connect; empty for no proxies",
    )

    @field_validator("proxy_from")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for one in value:
            if one != UNIX:
                try:
                    ip_network(one)
                except ValueError as error:
                    raise ValueError(f"expected networks such as 10.0.0.0/8, or unix: {error}") from None
        return value


@implementer(ILayer)
class Proxying:
    """See :class:`netforge.plugin.ILayer`."""

    name = "proxy"
    place = Place.PROXY_HEADER
    keys = ProxyKeys
    needs: Sequence[Any] = (IMetrics,)

    def active(self, keys: ProxyKeys) -> bool:
        return bool(keys.proxy_from)

    def wrap_stream(self, factory: IProtocolFactory, keys: ProxyKeys, listener: Listener) -> IProtocolFactory:
        return ProxyFactory(factory, keys, listener)

    def wrap_datagram(
        self, receiver: AbstractDatagramProtocol, keys: ProxyKeys, listener: Listener
    ) -> AbstractDatagramProtocol:
        raise ValueError(f"{listener.address}: proxy_from is for streams, not for datagrams: remove it here")


proxy = Proxying()


class ProxyProtocol(LayerProtocol):
    """Reads the header, and then stands before the protocol that the client gets: its transport tells the addresses
    that the header told."""

    factory: ProxyFactory
    transport: Any
    wrappedProtocol: Any  # noqa: N815  Twisted's name

    def __init__(self, factory: ProxyFactory) -> None:
        super().__init__(cast(Any, factory), cast(Any, None))

    def makeConnection(self, transport: ITransport) -> None:
        # Not yet what a layer does: there is nothing behind.
        self.transport = transport
        self._reader = HeaderReader()
        self._deadline = Deadline(self.factory.clock, DEADLINE, self._late)
        self._deadline.start()

    def dataReceived(self, data: bytes) -> None:
        if self.wrappedProtocol is not None:
            self.wrappedProtocol.dataReceived(data)
            return
        try:
            events = self._reader.receive_data(data)
        except RemoteProtocolError as error:
            self._refuse("header", str(error))
            return
        for event in events:
            if isinstance(event, Header):
                self._begin(event)
            elif self.wrappedProtocol is not None:
                self.wrappedProtocol.dataReceived(event.data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadline.stop()
        if self.wrappedProtocol is not None:
            super().connectionLost(reason)

    def getPeer(self) -> IAddress:  # noqa: N802  Twisted's name
        return Connection.of(self.transport).peer

    def getHost(self) -> IAddress:
        return Connection.of(self.transport).host

    def logPrefix(self) -> str:
        prefix: str = self.factory.logPrefix()
        return prefix

    def _begin(self, header: Header) -> None:
        self._deadline.stop()
        connection = Connection.of(self.transport)
        if header.source is not None and header.destination is not None:
            connection.peer, connection.host = _address(header.source), _address(header.destination)
        self.wrappedProtocol = self.factory.build_behind(connection.peer)
        if self.wrappedProtocol is None:
            self.transport.abortConnection()
        else:
            super().makeConnection(self.transport)

    def _late(self) -> None:
        self._refuse("late", f"no header came within {DEADLINE:g} s")

    def _refuse(self, reason: str, why: str) -> None:
        self.factory.refusals.refused(reason, self.transport.getPeer(), why)
        self._deadline.stop()
        self.transport.abortConnection()


class ProxyFactory(LayerFactory):
    """Lets proxies connect, and nobody else: whether a header is there must never be guessed (section 2)."""

    def __init__(self, factory: IProtocolFactory, keys: ProxyKeys, listener: Listener) -> None:
        super().__init__(factory)
        context = listener.context
        self.clock = context.clock
        self.refusals = Refusals(context[IMetrics], context.clock, context.log, context.name, str(listener.address))
        self._unix = UNIX in keys.proxy_from
        self._networks = [ip_network(one) for one in keys.proxy_from if one != UNIX]

    def buildProtocol(self, addr: IAddress) -> LayerProtocol | None:  # type: ignore[override]  # it may refuse
        """Wait for a proxy's header."""
        if self._trusts(getattr(addr, "host", "")):
            return ProxyProtocol(self)
        self.refusals.refused("untrusted", addr, "it is in none of the networks of proxy_from")
        return None

    def build_behind(self, client: IAddress) -> IProtocol | None:
        """Build the protocol for the client of a proxy."""
        protocol: IProtocol | None = self.wrappedFactory.buildProtocol(client)
        return protocol

    def _trusts(self, host: str) -> bool:
        if not host:
            return self._unix
        address = ip_address(host)
        # An inherited socket may take both versions of IP.
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


def _address(end: Endpoint) -> IAddress:
    return (IPv6Address if ":" in end.host else IPv4Address)("TCP", end.host, end.port)
