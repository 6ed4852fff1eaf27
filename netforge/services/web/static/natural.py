"""The order of names that people expect: ``chapter 2`` before ``chapter 10``, and no difference between cases."""

from __future__ import annotations

import re

__all__ = ["natural"]

_NUMBER = re.compile(r"([0-9]{1,18})")


def natural(name: str) -> tuple[list[str | int], str]:
    """What to sort by: text and numbers in turn, and the name itself to decide between what is the same."""
    parts = _NUMBER.split(name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name
