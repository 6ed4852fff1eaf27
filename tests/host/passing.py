"""A layer that passes everything on: what stands between, for tests of what goes through layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol
from zope.interface import implementer

from netforge.plugin import Field, ILayer, LayerFactory, LayerProtocol, Listener, Place, Settings


class PassingKeys(Settings):
    """Passing on."""

    passing: bool = Field(False, description="whether it stands there")


class PassingFactory(LayerFactory):
    """Puts a wrapper that adds nothing before each protocol."""

    protocol = LayerProtocol


@implementer(ILayer)
class Passing:
    """See :class:`netforge.plugin.ILayer`."""

    name = "passing"
    place = Place.CAPTURE
    keys = PassingKeys
    needs: Sequence[Any] = ()

    def active(self, keys: PassingKeys) -> bool:
        return keys.passing

    def wrap_stream(self, factory: IProtocolFactory, keys: PassingKeys, listener: Listener) -> IProtocolFactory:
        return PassingFactory(factory)

    def wrap_datagram(
        self, receiver: AbstractDatagramProtocol, keys: PassingKeys, listener: Listener
    ) -> AbstractDatagramProtocol:
        return receiver


passing = Passing()
