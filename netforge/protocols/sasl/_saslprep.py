"""SASLprep (RFC 4013), by which names and passwords that look alike are alike."""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0

__all__ = ["saslprep"]

# Section 2.3.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str, *, stored: bool = False) -> str:
    """Prepare a name or a password.

    :param stored: it is going to be stored, and so may have no code point that Unicode 3.2 did not assign; in what is
        compared with something stored they may stand (RFC 3454, section 7).
    :raises ValueError: it has a character that is prohibited, or mixes directions. It does not say the text.
    """
    if text.isascii() and text.isprintable():
        return text
    # Section 2.1 and 2.2.
    mapped = "".join(" " if stringprep.in_table_c12(one) else one for one in text if not stringprep.in_table_b1(one))
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    for one in prepared:
        if any(prohibited(one) for prohibited in _PROHIBITED):
            raise ValueError(f"U+{ord(one):04X} is prohibited")
        if stored and stringprep.in_table_a1(one):
            raise ValueError(f"U+{ord(one):04X} is not assigned in Unicode 3.2")
    _check_directions(prepared)
    return prepared


def _check_directions(text: str) -> None:
    """RFC 3454, section 6."""
    if not any(map(stringprep.in_table_d1, text)):
        return
    if any(map(stringprep.in_table_d2, text)):
        raise ValueError("it has characters of both directions")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("it is written from right to left, but does not begin and end so")
