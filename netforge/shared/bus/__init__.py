"""The bus behind :class:`netforge.plugin.IBus`."""

from netforge.shared.bus.inprocess import InProcessBus
from netforge.shared.bus.plugin import BusSettings, bus

__all__ = ["BusSettings", "InProcessBus", "bus"]
