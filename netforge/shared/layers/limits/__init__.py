"""Limits: how much a client may use of a listener, and all clients of the process's memory."""

from netforge.shared.layers.limits.layer import limits
from netforge.shared.layers.limits.plugin import MemorySettings, memory
from netforge.shared.layers.limits.settings import Limits, LimitsKeys

__all__ = ["Limits", "LimitsKeys", "MemorySettings", "limits", "memory"]
