"""Whose code it is that reached for what a simulation does not have."""

from __future__ import annotations

import sysconfig
from collections.abc import Collection
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType

import netforge

__all__ = ["culprit", "is_tested", "spell"]

_TESTING = Path(__file__).resolve().parent.parent


def culprit(frame: FrameType | None, through: Collection[str] = ()) -> FrameType | None:
    """The frame that is to blame, if it is one of the code under test.

    :param frame: who made the call.
    :param through: names of modules that only pass on what they are asked for.
    """
    while frame is not None and frame.f_globals.get("__name__") in through:
        frame = frame.f_back
    return frame if frame is not None and is_tested(frame.f_code.co_filename) else None


def spell(frame: FrameType) -> str:
    """Name a frame in a message."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_qualname}"


@cache
def is_tested(filename: str) -> bool:
    """Whether a file belongs to the code under test, and not to a library, to Python or to this simulation."""
    if filename.startswith("<"):
        return False
    path = Path(filename).resolve()
    if path.is_relative_to(_TESTING):
        return False
    if any(path.is_relative_to(folder) for folder in _libraries()):
        return any(path.is_relative_to(package) for package in _plugins())
    return not path.is_relative_to(_standard_library())


@cache
def _libraries() -> list[Path]:
    return [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")]


@cache
def _standard_library() -> Path:
    return Path(sysconfig.get_path("stdlib")).resolve()


@cache
def _plugins() -> list[Path]:
    """Where netforge and its plugins are, if they are installed as libraries."""
    groups = ("netforge.services", "netforge.shared", "netforge.layers")
    modules = {entry.module.partition(".")[0] for group in groups for entry in entry_points(group=group)}
    inside = [folder / name for folder in _libraries() for module in modules for name in (module, f"{module}.py")]
    return [Path(netforge.__file__).resolve().parent, *inside]
