"""Which route a path leads to: fixed paths by a dictionary, patterns by one regular expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

__all__ = ["CONVERTERS", "Converter", "Match", "Pattern", "Router"]

#: A place for a value in a path: ``{name}`` or ``{name:converter}``.
PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+))?\}")


class Converter(NamedTuple):
    """A kind of value in a path.

    :ivar regex: what it looks like, without groups.
    :ivar convert: makes the value of it.
    """

    regex: str
    convert: Callable[[str], Any]
    type: type


CONVERTERS: Mapping[str, Converter] = {
    "str": Converter("[^/]+", str, str),
    "int": Converter("-?[0-9]{1,18}", int, int),
    "float": Converter(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", float, float),
    "uuid": Converter("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", UUID, UUID),
    "path": Converter(".+", str, str),
}


@dataclass
class Pattern:
    """A path, perhaps with places, and what answers each method there.

    :param text: as it was written, such as ``/users/{id:int}``.
    :raises ValueError: if it is none.
    """

    text: str
    places: dict[str, Converter] = field(init=False)
    regex: str = field(init=False)
    methods: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.text.startswith("/"):
            raise ValueError(f"{self.text!r}: a path begins with a slash")
        self.places, regex, end = {}, [], 0
        for place in PLACE.finditer(self.text):
            name, kind = place[1], place[2] or "str"
            if kind not in CONVERTERS:
                raise ValueError(f"{self.text!r}: there is no converter {kind!r}; there are {', '.join(CONVERTERS)}")
            if name in self.places:
                raise ValueError(f"{self.text!r} has two places called {name}")
            self.places[name] = CONVERTERS[kind]
            regex += [re.escape(self.text[end : place.start()]), f"({CONVERTERS[kind].regex})"]
            end = place.end()
        rest = self.text[end:]
        if "{" in "".join(regex[::2]).replace(r"\{", "{") + rest or "}" in rest:
            raise ValueError(f"{self.text!r}: a place is written {{name}} or {{name:converter}}")
        self.regex = "".join(regex) + re.escape(rest)


class Match(NamedTuple):
    """What was found for a path.

    :ivar values: by the names of the places.
    """

    pattern: Pattern
    values: dict[str, Any]


class Router:
    """Patterns. A fixed path goes before any with places, and of those the one that was added first."""

    def __init__(self) -> None:
        self._fixed: dict[str, Pattern] = {}
        self._patterns: list[Pattern] = []
        self._regex: re.Pattern[str] | None = None
        # The pattern that a group, which is empty and ends it, stands for.
        self._by_group: dict[int, Pattern] = {}

    @property
    def patterns(self) -> list[Pattern]:
        """All, in the order of their being added."""
        return [*self._fixed.values(), *self._patterns]

    def pattern(self, text: str) -> Pattern:
        """The pattern of a text, which is added if it is new.

        :raises ValueError: if it is none.
        """
        for known in self._patterns:
            if known.text == text:
                return known
        if text in self._fixed:
            return self._fixed[text]
        added = Pattern(text)
        if added.places:
            self._patterns.append(added)
            self._regex = None
        else:
            self._fixed[text] = added
        return added

    def find(self, path: str) -> Match | None:
        """What answers a path."""
        if (fixed := self._fixed.get(path)) is not None:
            return Match(fixed, {})
        if not self._patterns:
            return None
        found = (self._regex or self._compile()).fullmatch(path)
        if found is None:
            return None
        last = found.lastindex
        assert last is not None
        pattern = self._by_group[last]
        texts = found.groups()[last - 1 - len(pattern.places) : last - 1]
        return Match(
            pattern,
            {name: place.convert(text) for (name, place), text in zip(pattern.places.items(), texts, strict=True)},
        )

    def _compile(self) -> re.Pattern[str]:
        alternatives, group = [], 0
        for pattern in self._patterns:
            group += len(pattern.places) + 1
            self._by_group[group] = pattern
            alternatives.append(pattern.regex + "()")
        self._regex = re.compile("|".join(f"(?:{one})" for one in alternatives))
        return self._regex
