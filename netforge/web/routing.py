"""Which route a path leads to: fixed paths by a dictionary, patterns by one regular expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
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
    "path": Converter("(?s:.+)", str, str),
}
#: Those of values as long as anybody likes.
_ENDLESS = frozenset(("str", "path"))


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
        if set(self.text) & {"%", "?", "#"}:
            raise ValueError(f"{self.text!r}: a path is written without a query, and decoded")
        found = [*PLACE.finditer(self.text)]
        ends = [0, *(place.end() for place in found)]
        starts = [*(place.start() for place in found), len(self.text)]
        between = [self.text[end:start] for end, start in zip(ends, starts, strict=True)]
        if "{" in "".join(between) or "}" in "".join(between):
            raise ValueError(f"{self.text!r}: a place is written {{name}} or {{name:converter}}")
        self.places, self.regex, kinds = {}, re.escape(between[0]), [place[2] or "str" for place in found]
        for index, place in enumerate(found):
            if kinds[index] not in CONVERTERS:
                raise ValueError(
                    f"{self.text!r}: there is no converter {kinds[index]!r}; there are {', '.join(CONVERTERS)}"
                )
            if place[1] in self.places:
                raise ValueError(f"{self.text!r} has two places called {place[1]}")
            self.places[place[1]] = CONVERTERS[kinds[index]]
            regex = self._regex_of(kinds[index:], between[index + 1 :])
            self.regex += f"({regex}){re.escape(between[index + 1])}"

    def _regex_of(self, kinds: list[str], between: list[str]) -> str:
        """What the first of some places looks like.

        Where a path could be divided between places in many ways, somebody would send one that takes for ever to try
        them all: so there must be only one way.

        :param kinds: the converters of it and of those after it.
        :param between: what stands after each.
        """
        regex = CONVERTERS[kinds[0]].regex
        if kinds[0] == "path" and "path" in kinds[1:]:
            raise ValueError(f"{self.text!r}: only one place can be a path")
        if kinds[0] not in _ENDLESS:
            return regex
        for kind, text in zip(kinds[1:], between, strict=False):
            if "/" in text:
                break
            if kind in _ENDLESS:
                if kinds[0] == "path" or not between[0]:
                    raise ValueError(f"{self.text!r}: it cannot be told where a place ends and the next one begins")
                return f"[^/{re.escape(between[0][0])}]+"
        return regex

    def match(self, path: str) -> Match | None:
        """The values that a path has in the places."""
        found = re.fullmatch(self.regex, path)
        return None if found is None else Match(self, self.values_of(found.groups()))

    def values_of(self, texts: tuple[str, ...]) -> dict[str, Any]:
        """The values of what stands in the places."""
        return {name: place.convert(text) for (name, place), text in zip(self.places.items(), texts, strict=True)}


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
        return Match(pattern, pattern.values_of(found.groups()[last - 1 - len(pattern.places) : last - 1]))

    def matches(self, path: str) -> Iterator[Match]:
        """Everything that answers a path, one way or another, in order."""
        if path in self._fixed:
            yield Match(self._fixed[path], {})
        for pattern in self._patterns:
            if (match := pattern.match(path)) is not None:
                yield match

    def _compile(self) -> re.Pattern[str]:
        alternatives, group = [], 0
        for pattern in self._patterns:
            group += len(pattern.places) + 1
            self._by_group[group] = pattern
            alternatives.append(pattern.regex + "()")
        self._regex = re.compile("|".join(f"(?:{one})" for one in alternatives))
        return self._regex
