"""The settings of a WSGI application."""

from __future__ import annotations

from pathlib import Path

from netforge.plugin import Field, Settings
from netforge.services.web.modules import ApplicationName

__all__ = ["WSGISettings"]


class WSGISettings(Settings):
    """A WSGI application (PEP 3333), such as one of Flask's or Django's."""

    app: ApplicationName = Field(
        description="the application, as 'module:name', or 'module:name()' for what a function returns",
    )
    folder: Path = Field(
        Path(), description="the folder that has the module, unless it is installed; relative to the settings file"
    )
    threads: int = Field(16, description="the most requests that are answered at once, each in a thread", ge=1, le=1000)
    waiting: int = Field(
        1000, description="the most requests that wait for a thread; others get status 503 and Retry-After", ge=0
    )
