"""Who has logged in."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IN_SESSION", "User"]

#: What sessions have it by: a name that no site comes upon for something else.
IN_SESSION = "netforge.user"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has logged in. A handler with a parameter of this type is for such alone; with ``User | None`` it is
    for everybody.

    :param name: the account's.
    :param groups: those that the account was in.
    """

    name: str
    groups: frozenset[str] = frozenset()
