"""Test what runs on netforge, or on Twisted: without ports, sleeps or the wall clock."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netforge.testing.checking import CheckFailed, check_protocol, check_service
    from netforge.testing.fixtures import Lab, Peer, ServerProcess
    from netforge.testing.network import Entry, Link, Machine, Network, NotSimulated, Trace
    from netforge.testing.webclient import WebAnswer, WebClient

__all__ = [
    "CheckFailed",
    "Entry",
    "Lab",
    "Link",
    "Machine",
    "Network",
    "NotSimulated",
    "Peer",
    "ServerProcess",
    "Trace",
    "WebAnswer",
    "WebClient",
    "check_protocol",
    "check_service",
]

_HOMES = {
    "checking": ("CheckFailed", "check_protocol", "check_service"),
    "fixtures": ("Lab", "Peer", "ServerProcess"),
    "network": ("Entry", "Link", "Machine", "Network", "NotSimulated", "Trace"),
    "webclient": ("WebAnswer", "WebClient"),
}


def __getattr__(name: str) -> Any:
    # Late, since pytest imports its plugin, and so this package, in every run, whatever it tests.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
