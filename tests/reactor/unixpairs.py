"""Connections over UNIX sockets, made in one step."""

from __future__ import annotations

import socket
from typing import Any

__all__ = ["adopt", "pair"]


async def pair(reactor: Any, tools: Any, path: str, server: Any, client: Any) -> Any:
    """Connect the two protocols at a path.

    :returns: the port.
    """
    port = reactor.listenUNIX(path, tools.Once(server))
    reactor.connectUNIX(path, tools.ConnectOnce(client))
    await server.made
    await client.made
    return port


async def adopt(reactor: Any, tools: Any, protocol: Any) -> socket.socket:
    """Connect a protocol, and return the other end, which does not block."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        reactor.adoptStreamConnection(theirs.fileno(), socket.AF_UNIX, tools.Once(protocol))
    await protocol.made
    return ours
