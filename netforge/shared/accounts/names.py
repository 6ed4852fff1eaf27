"""Names of accounts: what is one, and when two are the same."""

from __future__ import annotations

from unicodedata import category, normalize

__all__ = ["NAME_CAP", "as_known", "normalised"]

NAME_CAP = 255
"""The most characters of a name."""


def normalised(name: str) -> str:
    """A name as accounts have it: without regard to case, and in Unicode's form NFKC, as SASLprep has it too.

    :raises ValueError: it is empty, too long, begins or ends with a space, or has control characters.
    """
    found = normalize("NFKC", normalize("NFKC", name).casefold())
    if not 0 < len(found) <= NAME_CAP:
        raise ValueError(f"a name has 1 to {NAME_CAP} characters, not {len(found)}")
    if found != found.strip():
        raise ValueError("a name neither begins nor ends with a space")
    if bad := next((one for one in found if category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")), ""):
        raise ValueError(f"a name has no control characters such as U+{ord(bad):04X}")
    return found


def as_known(name: str) -> str:
    """A name as accounts have it. One that nobody can have stays as it is, up to :data:`NAME_CAP` characters."""
    try:
        return normalised(name)
    except ValueError:
        return name[:NAME_CAP]
