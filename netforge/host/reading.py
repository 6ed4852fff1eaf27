"""A forge from a settings file or from a text."""

from __future__ import annotations

from pathlib import Path
from random import Random

from netforge.host.forge import Forge
from netforge.host.settings import Blueprint, draw, read_document, read_text
from netforge.plugin import IReactor

__all__ = ["forge_from_file", "forge_from_text"]


def forge_from_file(path: Path | str, reactor: IReactor, *, random: Random | None = None) -> Forge:
    """A forge that runs a settings file, and reads it again to reload.

    :param random: the source of randomness for the services; the system's if left out.
    :raises OSError: if the file cannot be read.
    :raises SettingsError: with everything that is wrong in it.
    """

    def read() -> Blueprint:
        return draw(read_document(Path(path)))

    return Forge(read(), reactor, read, random)


def forge_from_text(text: str, reactor: IReactor, folder: Path | None = None, *, random: Random | None = None) -> Forge:
    """A forge that runs settings given as a text.

    :param text: TOML, as in a settings file.
    :param folder: what relative paths count from; the working directory if left out.
    :param random: the source of randomness for the services; the system's if left out.
    :raises SettingsError: with everything that is wrong in it.
    """
    return Forge(draw(read_text(text, folder or Path.cwd())), reactor, random=random)
