"""``Connection``: what is known of a connection, the same through any number of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from twisted.internet.interfaces import IAddress, ITransport

__all__ = ["Connection", "TLSState"]


@dataclass(frozen=True, slots=True)
class TLSState:
    """What a TLS handshake agreed on.

    :param version: such as ``TLSv1.3``.
    :param cipher: the cipher suite's name.
    :param alpn: the application protocol (RFC 7301), or ``None``.
    :param server_name: the name that the client asked for (RFC 6066, section 3), or ``None``.
    """

    version: str
    cipher: str
    alpn: str | None = None
    server_name: str | None = None


@dataclass(slots=True, eq=False, weakref_slot=True)
class Connection:
    """One accepted connection.

    :param id: unique among the connections of one host since its start; ``"-"`` outside a host.
    :param peer: who connected; behind a trusted proxy, the client that the proxy named.
    :param host: the local address that was connected to.
    :param service: the name of the service in the settings file; empty outside a host.
    :param listener: the listener's address as written in the settings; empty outside a host.
    :param tls: what TLS agreed on, or ``None`` on a plain connection.
    :param identity: who the peer has proved to be, or ``None``.
    """

    id: str
    peer: IAddress
    host: IAddress
    service: str = ""
    listener: str = ""
    tls: TLSState | None = None
    identity: str | None = None

    _known: ClassVar[WeakKeyDictionary[Any, Connection]] = WeakKeyDictionary()

    @classmethod
    def of(cls, transport: ITransport) -> Connection:
        """The connection that a transport belongs to, whichever layer's transport it is."""
        lowest = _lowest(transport)
        connection = cls._known.get(lowest)
        if connection is None:
            connection = cls("-", lowest.getPeer(), lowest.getHost())
            cls._known[lowest] = connection
        return connection

    @classmethod
    def begin(cls, transport: ITransport, id: str, service: str, listener: str) -> Connection:  # noqa: A002  its name
        """Called by the host for each connection that it accepts, before any layer or protocol sees the transport."""
        lowest = _lowest(transport)
        connection = cls._known[lowest] = cls(id, lowest.getPeer(), lowest.getHost(), service, listener)
        return connection


def _lowest(transport: Any) -> Any:
    """Go down from layer to layer: each one's protocol is the transport of the next and has one itself."""
    while (below := getattr(transport, "transport", None)) is not None:
        transport = below
    return transport
