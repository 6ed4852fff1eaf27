"""Asking sites."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint

from netforge.testing import Network, Peer, WebAnswer, WebClient
from netforge.web import Site

__all__ = ["ask", "network_peer", "open_files"]


def ask(
    network: Network, function: Any, path: str = "/", at: str = "/", method: str = "GET", **options: Any
) -> WebAnswer:
    """What a site answers that has one function."""
    site = Site()
    site.route(at, method)(function)
    return WebClient(network, site).request(method, path, **options)


def network_peer(network: Network, site: Site) -> Peer:
    """A connection to a site."""
    WebClient(network, site)
    client = network.machine("client")
    return Peer(client, HostnameEndpoint(client.reactor, "web.example", 80))


def open_files() -> int:
    """How many this process has, without those of earlier tests that are garbage."""
    gc.collect()
    return len([*Path("/proc/self/fd").iterdir()])
