"""The settings of a Tornado application."""

from __future__ import annotations

from pathlib import Path

from netforge.plugin import Field, Settings
from netforge.services.web.modules import ApplicationName

__all__ = ["TornadoSettings"]


class TornadoSettings(Settings):
    """An application of Tornado's, with its WebSocket handlers. It needs the reactor forge or asyncio."""

    app: ApplicationName = Field(
        description="the application, as 'module:name', or 'module:name()' for what a function returns"
    )
    folder: Path = Field(
        Path(), description="the folder that has the module, unless it is installed; relative to the settings file"
    )
    max_body: int = Field(
        100 * 1024 * 1024,
        ge=0,
        description="the most bytes of a request's body, unless its handler calls set_max_body_size; what is not "
        "streamed is kept in memory",
    )
