"""The cases, a file each."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from bench.case import Case

__all__ = ["find_cases"]


def find_cases() -> dict[str, Case]:
    """Every case by its name, in the order of names."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {case.name: case for case in sorted((module.CASE for module in modules), key=lambda case: case.name)}
