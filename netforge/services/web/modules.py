"""Applications that are found by their names in folders."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

from netforge.services.web.loading import loaded

__all__ = ["ApplicationName", "load"]

SPEC = r"^\w+(\.\w+)*:\w+(\.\w+)*(\(\))?$"


def _checked(spec: str) -> str:
    if not re.fullmatch(SPEC, spec):
        raise ValueError(f"expected module:name, such as shop.web:app, or module:name(), found {spec!r}")
    return spec


#: What names an application in settings.
ApplicationName = Annotated[str, AfterValidator(_checked), WithJsonSchema({"type": "string", "pattern": SPEC})]


def load(spec: str, folder: Path) -> Any:
    """What a name stands for.

    :param spec: ``module:name``, or ``module:name()`` for what that returns.
    :param folder: where modules are looked for too. It becomes the last of ``sys.path`` and stays there, since
        applications import more later.
    :raises ImportError: if there is no such module or name, or if another module has its name.
    """
    if str(folder) not in sys.path:
        # Last: a module of an application must not take the place of one that others import.
        sys.path.append(str(folder))
    module = spec.partition(":")[0]
    import_module(module)
    _check(module.partition(".")[0], folder)
    found = loaded(spec.removesuffix("()"))
    return found() if spec.endswith("()") else found


def _check(package: str, folder: Path) -> None:
    """Look whether the folder's own module of that name, if it has one, is the one that was imported."""
    meant, got = PathFinder.find_spec(package, [str(folder)]), sys.modules[package].__spec__
    if meant is not None and meant.origin is not None and got is not None and got.origin != meant.origin:
        raise ImportError(f"{package} is {got.origin}, and not that in {folder}: give that another name")
