"""What an application is told of a request (the ASGI specification, "Connection Scope")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.interfaces import IAddress, ISSLTransport

from netforge.plugin import Connection
from netforge.protocols.http import Exchange, path_of, raw_target

__all__ = ["scope_of"]

#: The version of ASGI, and of its specification of HTTP and WebSocket. From 2.4 on, what is said to a client that is
#: gone raises an ``OSError``.
VERSION = {"version": "3.0", "spec_version": "2.4"}


def scope_of(
    exchange: Exchange,
    kind: str,
    schemes: tuple[str, str],
    extensions: Mapping[str, dict[str, Any]],
    state: Mapping[str, Any],
) -> dict[str, Any]:
    """The scope of a request.

    :param kind: ``http`` or ``websocket``.
    :param schemes: that of an address without TLS, and with.
    :param extensions: what may be sent beyond the core of the specification.
    :param state: what the lifespan has put there for every request.
    :raises HTTPError: with status 400, if the path could be read in two ways.
    """
    request, transport = exchange.request, exchange.transport
    target = request.target
    raw_path, query = raw_target(target)
    connection = Connection.of(transport)
    # Outside a host, nobody has told the connection of TLS.
    secure = connection.tls is not None or ISSLTransport.providedBy(transport)
    return {
        "type": kind,
        "asgi": {**VERSION},
        "http_version": request.version,
        "scheme": schemes[secure],
        "path": path_of(target),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "root_path": exchange.mount,
        "headers": [*request.headers],
        "client": _pair(connection.peer),
        "server": _pair(connection.host),
        "state": {**state},
        "extensions": {**extensions},
    }


def _pair(address: IAddress) -> tuple[str, int | None] | None:
    """An address as ASGI has it: host and port, or the path of a UNIX socket; ``None`` of one without a name."""
    if (host := getattr(address, "host", None)) is not None:
        return host, getattr(address, "port", None)
    name = getattr(address, "name", None)
    return (name.decode(errors="surrogateescape"), None) if name else None
