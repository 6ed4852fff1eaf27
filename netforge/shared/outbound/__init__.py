"""The HTTP client behind :class:`netforge.plugin.IOutbound`."""

from netforge.shared.outbound.plugin import OutboundSettings, outbound

__all__ = ["OutboundSettings", "outbound"]
