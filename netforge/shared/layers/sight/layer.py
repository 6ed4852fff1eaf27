"""Where the layer stands, and what switches it on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol
from zope.interface import implementer

from netforge.plugin import Field, ILayer, IMetrics, Listener, Place, Settings, Watcher, metered
from netforge.shared.layers.sight.datagrams import Watched
from netforge.shared.layers.sight.record import Record
from netforge.shared.layers.sight.traffic import Traffic

__all__ = ["SightKeys", "sight"]


class SightKeys(Settings):
    """What is seen of a listener."""

    log: bool = Field(True, description="log the end of every connection, with what it carried")
    metrics: bool = Field(True, description="count connections, bytes and durations")


@implementer(ILayer)
class Sight:
    """See :class:`netforge.plugin.ILayer`."""

    name = "sight"
    place = Place.SIGHT
    keys = SightKeys
    needs: Sequence[Any] = (IMetrics,)

    def active(self, keys: SightKeys) -> bool:
        return keys.log or keys.metrics

    def wrap_stream(self, factory: IProtocolFactory, keys: SightKeys, listener: Listener) -> IProtocolFactory:
        watchers: list[Watcher] = []
        if keys.log:
            watchers.append(Record(listener.context.log, listener.context.clock))
        if keys.metrics:
            watchers.append(_traffic(listener))
        for watcher in watchers:
            factory = metered(factory, watcher)
        return factory

    def wrap_datagram(
        self, receiver: AbstractDatagramProtocol, keys: SightKeys, listener: Listener
    ) -> AbstractDatagramProtocol:
        if not keys.metrics:
            return receiver
        return Watched(receiver, listener.context[IMetrics], listener.context.name, str(listener.address))


sight = Sight()


def _traffic(listener: Listener) -> Traffic:
    """The listener's, which goes on over reloads as its connections do."""
    context, metrics, address = listener.context, listener.context[IMetrics], str(listener.address)
    return context.keep((metrics, address), lambda: Traffic(metrics, context.clock, context.name, address))
