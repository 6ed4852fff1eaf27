"""What every engine refuses."""

from __future__ import annotations

__all__ = ["check", "is_key"]

#: The most characters of a key, and bytes of a value (:class:`netforge.plugin.ISessions`).
LONGEST_KEY = 255
LARGEST_VALUE = 1024 * 1024


def is_key(key: str) -> bool:
    """Whether it may be a key: what is no text to PostgreSQL, such as a NUL, is not."""
    return 0 < len(key) <= LONGEST_KEY and key.isprintable()


def check(key: str, value: bytes) -> None:
    """Look at what is to be kept.

    :raises ValueError: if it does not fit.
    """
    if not is_key(key):
        raise ValueError(f"a key has 1 to {LONGEST_KEY} printable characters, unlike {key[: LONGEST_KEY + 1]!r}")
    if len(value) > LARGEST_VALUE:
        raise ValueError(f"a value has at most {LARGEST_VALUE} bytes, not {len(value)}")
