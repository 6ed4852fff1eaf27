"""Virtual hosts: which site answers for a host."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import lru_cache

from netforge.plugin import Connection
from netforge.protocols.http import Application, Exchange, HTTPError

__all__ = ["Hosts", "host_name", "unknown_host", "without_port"]

#: The most spellings of hosts that are remembered.
REMEMBERED = 1024


def host_name(authority: str) -> str:
    """A host in the spelling by which hosts are compared: without port or final dot, in lower case.

    :param authority: a host, with or without a port; an IPv6 address in brackets.
    """
    return without_port(authority).removesuffix(".").lower()


def without_port(authority: str) -> str:
    """A host as it stands before its port, if it has one."""
    host, colon, port = authority.rpartition(":")
    return authority if not colon or port.endswith("]") else host


def unknown_host(exchange: Exchange) -> None:
    """The application for hosts that no site is for.

    Over TLS a client may have come here for another site whose certificate is this one's too: it may try again by a
    connection of its own (RFC 9110, section 15.5.20).
    """
    secure = Connection.of(exchange.transport).tls is not None
    raise HTTPError(421 if secure else 404, "there is no site of this name here")


class Hosts:
    """An application that leaves each request to the site of its host.

    :param sites: by host: a name, or ``*.`` and a name for everything below that, of which the longest counts.
    :param otherwise: what answers for every other host.
    """

    def __init__(self, sites: Mapping[str, Application], otherwise: Application = unknown_host) -> None:
        self._sites = sites
        self._otherwise = otherwise
        self._find = lru_cache(REMEMBERED)(self._found)

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        return self._find(exchange.request.authority)(exchange)

    def _found(self, authority: str) -> Application:
        name = host_name(authority)
        if name in self._sites:
            return self._sites[name]
        while name:
            _, _, name = name.partition(".")
            if (wildcard := f"*.{name}") in self._sites:
                return self._sites[wildcard]
        return self._otherwise
