"""Sec-WebSocket-Extensions (RFC 6455, section 9.1): extensions with their parameters."""

from __future__ import annotations

import re

__all__ = ["Parameters", "extensions_of", "tokens_of"]

#: The parameters of an extension, and the values of those that have one.
Parameters = dict[str, str | None]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def tokens_of(value: str) -> list[str]:
    """The tokens of a list (RFC 9110, section 5.6.1).

    :raises ValueError: if it has something else in it.
    """
    return [_token(part) for part in value.split(",") if part.strip(" \t")]


def extensions_of(value: str) -> list[tuple[str, Parameters]]:
    """The extensions of a list, in its order, with their parameters.

    :raises ValueError: if that is no such list, or a parameter is given twice.
    """
    found = []
    # No quotes can hide a comma or a semicolon: what is quoted must be a token too.
    for extension in value.split(","):
        if not extension.strip(" \t"):
            continue
        name, *pairs = extension.split(";")
        parameters: Parameters = {}
        for pair in pairs:
            key, equals, given = (part.strip(" \t") for part in pair.partition("="))
            if _token(key) in parameters:
                raise ValueError(f"{key} is given twice")
            if len(given) > 1 and given[0] == given[-1] == '"':
                given = given[1:-1]
            parameters[key] = _token(given) if equals else None
        found.append((_token(name), parameters))
    return found


def _token(text: str) -> str:
    text = text.strip(" \t")
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{text!r} is no token")
    return text
