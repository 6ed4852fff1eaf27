"""Fields of responses as settings have them."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["encoded"]

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[\t -~]*")

#: Fields that are the server's own.
OWN = frozenset({"connection", "content-length", "date", "transfer-encoding"})


def encoded(fields: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Fields as a response takes them.

    :raises ValueError: if one cannot be said (RFC 9110, section 5), or is for the server to say.
    """
    for name, value in fields.items():
        if not NAME.fullmatch(name):
            raise ValueError(f"expected the name of a field, such as X-Powered-By, found {name!r}")
        if name.lower() in OWN:
            raise ValueError(f"{name} is for the server to say")
        if not VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} has characters that cannot be said: expected ASCII without controls")
    return [(name.lower().encode(), value.strip().encode()) for name, value in fields.items()]
