"""What settings name as ``module:name``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["loaded"]


def loaded(place: str) -> Any:
    """Import a module and take something from it.

    :param place: ``module:name``; the name may have dots.
    :raises ImportError: if there is no such module, or nothing of that name in it.
    """
    module, _, names = place.partition(":")
    found: Any = import_module(module)
    for name in names.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise ImportError(f"{place}: there is no {name} in {module}") from None
    return found
