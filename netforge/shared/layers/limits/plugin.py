"""The watermark of memory, which all listeners share, as a component."""

from __future__ import annotations

from netforge.plugin import Context, Field, IHealth, IMetrics, Offer, Parts, Settings, Task, service
from netforge.shared.layers.limits.memory import IMemory, Watermark, memory_limit, memory_used

__all__ = ["MemorySettings", "memory"]


class MemorySettings(Settings):
    """The watch over this process's memory."""

    watermark: float = Field(
        0.85,
        gt=0.05,
        le=1,
        description="the part of the memory that the process may use (the control group's, or else the machine's) from "
        "which on no listener with limits accepts connections; they go on when use is 0.05 below",
    )


@service("memory", MemorySettings, needs=[IHealth, IMetrics], offers=[IMemory])
def memory(settings: MemorySettings, context: Context) -> Parts:
    """A watermark."""
    limit = memory_limit()
    context[IMetrics].gauge("netforge_memory_limit_bytes", "Memory that the process may use; 0 if unknown").set(limit)
    watermark = Watermark(context.clock, context.log, context[IHealth], limit, settings.watermark, memory_used)
    return [Offer(IMemory, watermark), Task(watermark.start, watermark.stop, "the watermark")]
