"""What a client would rather have (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["best"]


def best(offers: Sequence[str], accept: str) -> str:
    """The type of those on offer that a client likes best; the first one where it does not care.

    :param accept: its Accept field; empty without one.
    """
    liked: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            liked[kind] = float(weight)
        except ValueError:
            liked[kind] = 0
    return max(offers, key=lambda offer: _weight(offer, liked))


def _weight(offer: str, liked: dict[str, float]) -> float:
    for kind in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        if kind in liked:
            return liked[kind]
    return 0
