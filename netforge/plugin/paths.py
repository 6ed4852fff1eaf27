"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["expanded"]


def expanded(path: Path | str) -> Path:
    """A path with the home that ``~`` or ``~user`` stands for.

    :raises ValueError: if nobody knows that home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home for {Path(path).parts[0]}") from None
