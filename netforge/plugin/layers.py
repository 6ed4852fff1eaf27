"""Layers: what stands between a listening socket and a service's protocol."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol
from zope.interface import Attribute, Interface

from netforge.plugin.address import Address
from netforge.plugin.context import Context
from netforge.plugin.parts import Datagram, Stream
from netforge.plugin.settings import Settings

__all__ = ["ILayer", "Listener", "Place"]


class Place(IntEnum):
    """Where a layer stands, from the socket inwards."""

    PROXY_HEADER = 10
    LIMITS = 20
    SIGHT = 25
    FAULTS = 30
    TLS = 40
    CAPTURE = 50


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a layer is asked to stand.

    :param address: the listener's address.
    :param part: what the service serves there.
    :param context: the surroundings, with the components that the layer needs.
    :param hold: called with a reason and ``True``, it leaves new connections or datagrams in the kernel's queue until
        it is called with the same reason and ``False``.
    """

    address: Address
    part: Stream | Datagram
    context: Context
    hold: Callable[[Hashable, bool], object]


class ILayer(Interface):
    """A layer, found by the entry point group ``netforge.layers``.

    It adds keys to every listener's table. A layer that is not active on a listener is not there: its ``wrap``
    methods are not called, and the transport talks to the service's own protocol.
    """

    name: str = Attribute("what it is called in listings and errors")
    place: Place = Attribute("where it stands")
    keys: type[Settings] = Attribute("the keys that it adds to a listener's table, each with a default")
    needs: Sequence[Any] = Attribute("the interfaces of the shared components that it uses")

    def active(keys: Any) -> bool:
        """Whether a listener with these keys (an instance of ``keys``) needs the layer at all."""

    def wrap_stream(factory: IProtocolFactory, keys: Any, listener: Listener) -> IProtocolFactory:
        """Stand before a stream factory.

        The protocols of the returned factory name the one that they wrap in ``wrappedProtocol``, as
        :class:`LayerProtocol` does: a drain reaches the innermost by it.
        """

    def wrap_datagram(receiver: AbstractDatagramProtocol, keys: Any, listener: Listener) -> AbstractDatagramProtocol:
        """Stand before a datagram protocol; return *receiver* itself where the layer has nothing to do for UDP."""
