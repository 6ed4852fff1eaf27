"""Libraries that only one codec needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["load"]


def load(module: str, codec: str) -> Any:
    """Import a module late.

    :param codec: who needs it, for the error.
    :raises ImportError: it is not installed; says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise ImportError(f"{codec} needs {library}: pip install 'netforge[frames]'") from error
