"""The settings of an ASGI application."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from netforge.plugin import Field, Settings
from netforge.services.web.modules import ApplicationName

__all__ = ["ASGISettings"]


class ASGISettings(Settings):
    """An ASGI application, such as one of Starlette's, FastAPI's, Quart's or Django's."""

    app: ApplicationName = Field(
        description="the application, as 'module:name', or 'module:name()' for what a function returns",
    )
    folder: Path = Field(
        Path(), description="the folder that has the module, unless it is installed; relative to the settings file"
    )
    lifespan: Literal["auto", "on", "off"] = Field(
        "auto",
        description="whether the application is told that it starts and stops (ASGI's lifespan): 'auto' tries, and "
        "goes on if it does not know what that is",
    )
    origins: list[str] | None = Field(
        None,
        description="the origins whose pages may open a WebSocket, such as 'https://example.org', or '*' for all of "
        "them; without it, those of the site itself",
    )
