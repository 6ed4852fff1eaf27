"""The fields of an event: what they are called, how they are spelled, and which of them nobody may read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.logger import LogEvent, LogLevel

__all__ = ["address_text", "fields", "level", "masked", "source"]

#: Words in the name of a field that make it a secret. Code should not log one at all: this is for when it does.
SECRETS = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "key",
        "credential",
        "credentials",
        "authorization",
        "cookie",
    }
)

MASK = "***"

#: What events of Twisted's older log carry besides their text.
LEGACY = frozenset({"format", "isError", "failure", "why", "system", "logLevel"})

#: The namespace of such an event.
LEGACY_SOURCE = "log_legacy"

#: What a line of the log says of every event, whatever the event says.
OWN = frozenset({"time", "level", "service", "message", "traceback"})


def masked(event: LogEvent) -> LogEvent:
    """The event without secrets, in fields and in tables within them."""
    return {name: _mask(name, value) for name, value in event.items()}


def fields(event: LogEvent) -> dict[str, Any]:
    """What the event says besides its text, as JSON can hold it."""
    return {
        name: _plain(value)
        for name, value in event.items()
        if not name.startswith("log_") and name not in LEGACY and name not in OWN
    }


def level(event: LogEvent) -> Any:
    """The event's level; there are events without one, which somebody made by hand."""
    return event.get("log_level", LogLevel.info)


def source(event: LogEvent) -> str:
    """Who says it: the name of a service, or of a part of netforge or of another package."""
    namespace: str = event.get("log_namespace", LEGACY_SOURCE)
    return "twisted" if namespace == LEGACY_SOURCE else namespace.removeprefix("netforge.")


def address_text(address: IAddress) -> str:
    """``192.0.2.1:50000``, ``[2001:db8::1]:50000``, or ``unix`` for a peer on this computer, which has no name."""
    match address:
        case IPv4Address(_, host, port):
            return f"{host}:{port}"
        case IPv6Address(_, host, port):
            return f"[{host}]:{port}"
        case UNIXAddress():
            return "unix"
        case _:
            return str(address)


@lru_cache
def _is_secret(name: object) -> bool:
    return not SECRETS.isdisjoint(str(name).lower().replace("-", "_").split("_"))


def _mask(name: object, value: Any) -> Any:
    if value is not None and _is_secret(name):
        return MASK
    if isinstance(value, dict):
        return {inner: _mask(inner, one) for inner, one in value.items()}
    return value


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(one) for one in value]
        case _ if IAddress.providedBy(value):
            return address_text(value)
        case _:
            return str(value)
