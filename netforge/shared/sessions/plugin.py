"""Sessions and cache as a shared component."""

from __future__ import annotations

from typing import Any, Literal

from netforge.plugin import Context, Field, IDatabase, ISessions, Offer, Parts, Settings, Task, service
from netforge.shared.sessions.limits import LARGEST_VALUE
from netforge.shared.sessions.memory import MemorySessions

__all__ = ["SessionsSettings", "sessions"]


class SessionsSettings(Settings):
    """Sessions and cache."""

    engine: Literal["memory", "database"] = Field(
        "memory", description="where they are kept: ``memory``, until netforge stops, or ``database``"
    )
    memory: int = Field(
        64 * 1024 * 1024, ge=2 * LARGEST_VALUE, description="the most bytes that they take of the memory"
    )


def _needed(settings: SessionsSettings) -> list[Any]:
    return [IDatabase] if settings.engine == "database" else []


@service("sessions", SessionsSettings, needs=_needed, offers=[ISessions])
def sessions(settings: SessionsSettings, context: Context) -> Parts:
    """Values by key, each for a while."""
    if settings.engine == "memory":
        kept = context.keep("sessions", lambda: MemorySessions(context.clock, settings.memory))
        return [Task(lambda: kept.resize(settings.memory), lambda: None, "sessions"), Offer(ISessions, kept)]
    from netforge.shared.sessions.indatabase import DatabaseSessions  # noqa: PLC0415  SQLAlchemy takes its time

    stored = DatabaseSessions(context[IDatabase], context.clock)
    return [Task(stored.start, stored.stop, "sessions"), Offer(ISessions, stored)]
