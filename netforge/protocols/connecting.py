"""Connecting a protocol that exists already."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory

__all__ = ["connect_one"]

_Protocol = TypeVar("_Protocol", bound=IProtocol)


class _One(Factory[Any]):
    noisy = False

    def __init__(self, protocol: IProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return self._protocol


def connect_one(endpoint: IStreamClientEndpoint, protocol: _Protocol) -> Deferred[_Protocol]:
    """As :func:`twisted.internet.endpoints.connectProtocol`, without a word in the log for each connection.

    :return: fires with the protocol, once it is connected.
    """
    connecting: Deferred[Any] = endpoint.connect(_One(protocol))
    return connecting
