"""The host's own settings: the table ``[netforge]``."""

from __future__ import annotations

from pathlib import Path

from netforge.plugin import Field, Settings

__all__ = ["HostSettings"]


class HostSettings(Settings):
    """The host itself."""

    state: Path = Field(
        Path("state"),
        description="the folder below which every service keeps what outlives restarts; "
        "systemd's STATE_DIRECTORY takes the place of the default",
    )
    plugin_dirs: list[Path] = Field([], description="folders whose *.py files are searched for plugins")
    start_deadline: float = Field(60.0, gt=0, description="seconds that a service may take to start")
    drain_deadline: float = Field(
        30.0, ge=0, description="seconds that connections may take to finish at a stop before they are cut"
    )
    stop_deadline: float = Field(10.0, gt=0, description="seconds that a service's tasks may take to stop")
