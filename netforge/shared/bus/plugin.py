"""The bus as a shared component."""

from __future__ import annotations

from netforge.plugin import Context, IBus, Offer, Parts, Settings, service
from netforge.shared.bus.inprocess import InProcessBus

__all__ = ["BusSettings", "bus"]


class BusSettings(Settings):
    """The bus between services."""


@service("bus", BusSettings, offers=[IBus])
def bus(settings: BusSettings, context: Context) -> Parts:
    """Messages within this process."""
    return [Offer(IBus, InProcessBus(context.clock))]
