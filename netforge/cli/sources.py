"""Where a launch gets its settings from: a file, the flags of one service, or the lab. Each can be read again."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netforge.host.discovery import Catalogue
from netforge.host.settings import Blueprint, Problem, SettingsError, draw, read_document, read_table, read_text

__all__ = ["Source", "from_file", "from_flags", "lab", "lab_drawn", "lab_text"]

LAB_HEAD = """\
# The lab: every service that is installed, on loopback. Written anew each time the lab starts; copy it to keep it.

[netforge]
state = "."
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Settings to launch from.

    :param name: what they are called in messages.
    :param read: reads them, again and again.
    """

    name: str
    read: Callable[[], Blueprint]


def from_file(path: Path, plugin_dirs: Sequence[Path] = ()) -> Source:
    """A settings file.

    :param plugin_dirs: folders with plugins, besides those that the file names.
    """
    # twistd changes the working directory when it becomes a daemon.
    path, folders = path.absolute(), _absolute(plugin_dirs)
    return Source(str(path), lambda: draw(read_document(path), plugin_dirs=folders))


def from_flags(service: str, table: Mapping[str, Any], state: Path | None, plugin_dirs: Sequence[Path] = ()) -> Source:
    """One service by its flags.

    :param table: its settings.
    :param state: the folder for what outlives restarts.
    """
    folder, folders = Path.cwd(), _absolute(plugin_dirs)
    host = {"state": str((state or _state_home() / service).absolute())}

    def read() -> Blueprint:
        return draw(read_table({service: dict(table)}, folder, host), plugin_dirs=folders)

    return Source(f"the flags of {service}", read)


def lab(state: Path | None, *, free_ports: bool = False, plugin_dirs: Sequence[Path] = ()) -> Source:
    """The built-in lab: every service on loopback, as a settings file in the folder of its state.

    :param state: the folder; one below the user's XDG state folder if left out.
    :param free_ports: let the system choose the ports.
    :raises OSError: if the folder cannot be written.
    """
    folder, folders = (state or _state_home() / "lab").absolute(), _absolute(plugin_dirs)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "forge.toml"
    path.write_text(lab_text(Catalogue(folders), folder), encoding="utf-8")
    return Source(str(path), lambda: draw(read_document(path), plugin_dirs=folders, free_ports=free_ports))


def lab_drawn(plugin_dirs: Sequence[Path] = ()) -> Source:
    """The lab as it would be, without writing anything."""
    catalogue, folder = Catalogue(_absolute(plugin_dirs)), _state_home() / "lab"
    return Source("the lab", lambda: draw(read_text(lab_text(catalogue, folder), folder, "lab"), catalogue))


def lab_text(catalogue: Catalogue, folder: Path) -> str:
    """The settings of the lab: what every working plugin says of itself.

    A plugin whose part does not fit is left out with a warning, and stops nobody else.
    """
    registries = (catalogue.services, catalogue.shared)
    plugins = [plugin for registry in registries for plugin in registry.working() if plugin.lab]
    everything = _joined(LAB_HEAD, *(plugin.lab for plugin in plugins))
    if _problem(everything, folder, catalogue) is None:
        return everything
    text = LAB_HEAD
    for plugin in plugins:
        longer = _joined(text, plugin.lab)
        if problem := _problem(longer, folder, catalogue):
            sys.stderr.write(f"warning: {plugin.name} is left out of the lab: {problem}\n")
        else:
            text = longer
    return text


def _joined(*texts: str) -> str:
    return "\n".join(text.strip("\n") + "\n" for text in texts)


def _problem(text: str, folder: Path, catalogue: Catalogue) -> Problem | None:
    """The first thing that is wrong in a lab."""
    try:
        draw(read_text(text, folder, "lab"), catalogue)
    except SettingsError as error:
        return error.problems[0]
    return None


def _state_home() -> Path:
    """The XDG base directory for state, which need not exist."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "netforge"


def _absolute(folders: Iterable[Path]) -> Sequence[Path]:
    return [folder.absolute() for folder in folders]
