"""What uvloop and the socket module call an address, as Twisted's addresses."""

from __future__ import annotations

import socket
from typing import Any, Literal

from twisted.internet.address import IPv4Address, IPv6Address

__all__ = ["internet_address"]


def internet_address(kind: Literal["TCP", "UDP"], name: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    """An address of Twisted's.

    :param kind: of the transport.
    :param name: as ``getsockname`` and ``getpeername`` return it: of two parts for IPv4, of four for IPv6.
    """
    if len(name) == 2:
        return IPv4Address(kind, *name)
    host, port, flow, scope = name
    if scope:
        # Then the host is to end in % and the name of the interface.
        host, _ = socket.getnameinfo(name, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    return IPv6Address(kind, host, port, flow, scope)
