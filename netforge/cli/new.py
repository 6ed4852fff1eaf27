"""Writing a new plugin distribution from the files in ``template``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

__all__ = ["write_plugin"]

#: Words of small letters and digits with single hyphens between: what index, module and settings file all take.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_plugin(name: str, folder: Path) -> Path:
    """Write the distribution ``netforge-NAME``: a small service with its tests and its README.

    :param name: of the service, such as ``greeter``.
    :param folder: where the distribution's folder is made.
    :return: the distribution's folder.
    :raises ValueError: if the name cannot be used; says what is wrong with it.
    :raises FileExistsError: if the distribution's folder is there already.
    :raises OSError: if it cannot be written.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a plugin's name: expected small letters and digits, such as my-service")
    for taken in entry_points(group="netforge.services", name=name):
        by = f" by {taken.dist.name}" if taken.dist is not None else ""
        raise ValueError(f"a service called {name!r} is installed already{by}: choose another name")
    module = f"netforge_{name.replace('-', '_')}"
    words = {"name": name, "module": module, "Class": name.title().replace("-", "")}
    target = folder / f"netforge-{name}"
    try:
        target.mkdir()
    except FileExistsError:
        raise FileExistsError(f"{target} is there already") from None
    for path, content in _template(files("netforge.cli") / "template", PurePosixPath()):
        file = target / str(path).replace("__module__", module).replace("__dot__", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_text(Template(content).substitute(words), encoding="utf-8")
    return target


def _template(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    """The template's files, without the ending ``.in`` that keeps tools from taking them for what they become."""
    for one in folder.iterdir():
        if one.is_dir():
            yield from _template(one, path / one.name)
        elif one.name.endswith(".in"):
            yield path / one.name.removesuffix(".in"), one.read_text(encoding="utf-8")
