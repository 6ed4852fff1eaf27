r"""Where every key and every array element of a TOML text stands.

:mod:`tomllib` gives values without positions, and an error about a setting has to name its line. :func:`scan` reads
the same text a second time and looks only at its outline: keys, headers and brackets. Scalars are stepped over unread.

It is no parser and does not judge: the text is one that ``tomllib`` has accepted, so a comment, a line break or a
space may be skipped wherever one stands, and whatever follows a ``=`` is known to be a whole value. Quoted keys are
given to ``tomllib`` itself, so that both always agree on a name. Sections below are those of https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

__all__ = ["Key", "Position", "scan"]

Key: TypeAlias = tuple[str | int, ...]
"""The way from the root to a value: names of keys and, from 0, indices in arrays: ``("hosts", 0, "name")``."""

# A run of plain characters is possessive ("++"), so that no pattern can split it in more than one way. The repeated
# groups are not: CPython 3.11 before 3.11.5 gets possessive groups wrong (gh-106052).
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*")  # "Comment"; TOML's white space, which is narrower than \s
_BASIC = r'"(?:[^"\\]++|\\.)*"'
_LITERAL = r"'[^']*'"
_KEY = re.compile(rf"[A-Za-z0-9_-]+|{_BASIC}|{_LITERAL}")  # "Keys"
_SCALAR = re.compile(
    # "String": one or two quotes are content, and so may stand before the three that close.
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*'{3,5}"
    rf"|{_BASIC}|{_LITERAL}"
    # All others, without white space but for the one that may stand between date and time ("Offset Date-Time").
    r"|[^\s,\]}#]+(?:[ ][0-9][^\s,\]}#]*)?",
    re.DOTALL,  # a backslash may escape the end of a line
)


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a key or of an array element: ``text[start:end]`` is the key or the element as written.

    :ivar line: the line in which it begins, from 1.
    :ivar start: the offset of its first character. Of a dotted key this is the key's own part, quotes included.
    :ivar end: the offset after its last character.
    """

    line: int
    start: int
    end: int


def scan(text: str) -> dict[Key, Position]:
    """Find every key and every array element of *text*.

    A table that is mentioned more than once stands at its first mention, be it a header or a part of a dotted key.
    An element of an array of tables stands at the last part of its ``[[header]]``, as it has no text of its own.

    :param text: a document that :func:`tomllib.loads` accepts, with LF or CRLF, or both, at the ends of its lines.
    :returns: one position for each key and each index that the result of ``tomllib`` has. Offsets count characters.
    :raises ValueError: some texts that are not TOML; others give positions that mean nothing.
    """
    return _Scanner(text).document()


class _Scanner:
    """A place in the text, and what was found before it.

    Nesting costs one call a level. ``tomllib`` pays two or more, so what it could read does not exhaust the stack here.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._found: dict[Key, Position] = {}
        self._latest: dict[Key, int] = {}  # of each array of tables the index of the element that headers now mean

    def document(self) -> dict[Key, Position]:
        """Walk over all of the text ("Table", "Array of Tables", "Key/Value Pair")."""
        table: Key = ()
        while self._skip_blank() < len(self._text):
            if self._takes("[["):  # only here: where a value is due, two brackets open two arrays
                array, position = self._key(())
                self._latest[array] = index = self._latest.get(array, -1) + 1
                table = (*array, index)
                self._found[table] = position
                self._takes("]]")
            elif self._takes("["):
                table, _ = self._key(())
                self._takes("]")
            else:
                self._pair(table)
        return self._found

    def _pair(self, table: Key) -> None:
        key, _ = self._key(table)
        self._takes("=")
        self._value(key)

    def _value(self, path: Key) -> None:
        """Step over the value of *path*, and note what stands in it ("Array", "Inline Table")."""
        if self._takes("["):
            for index in count():
                if self._takes("]"):
                    break
                element, start = (*path, index), self._at
                self._value(element)
                self._found[element] = self._position(start, self._at)
                self._takes(",")
        elif self._takes("{"):
            while not self._takes("}"):
                self._pair(path)
                self._takes(",")
        else:
            self._read(_SCALAR)

    def _key(self, path: Key) -> tuple[Key, Position]:
        """Read a key below *path* and note each of its parts; where it leads, and the place of its last part."""
        while True:
            start, end = self._read(_KEY)
            path = (*path, _name(self._text[start:end]))
            position = self._position(start, end)
            self._found.setdefault(path, position)
            if not self._takes("."):
                return path, position
            if path in self._latest:
                path = (*path, self._latest[path])

    def _position(self, start: int, end: int) -> Position:
        return Position(bisect_right(self._breaks, start) + 1, start, end)

    def _skip_blank(self) -> int:
        if blank := _BLANK.match(self._text, self._at):
            self._at = blank.end()
        return self._at

    def _takes(self, mark: str) -> bool:
        """Step over *mark* if it comes next. Either way, stand where no blank is before it."""
        if found := self._text.startswith(mark, self._skip_blank()):
            self._at += len(mark)
        return found

    def _read(self, token: re.Pattern[str]) -> tuple[int, int]:
        """Step over one *token*, and tell its span. Every loop comes by here, so none can stand still."""
        match = token.match(self._text, self._skip_blank())
        if match is None:
            raise ValueError(f"line {self._position(self._at, self._at).line} is not TOML")
        self._at = match.end()
        return match.span()


def _name(token: str) -> str:
    """Give the name that a key means; escapes are read by tomllib ("Keys", "String")."""
    if token[0] not in "\"'":
        return token
    [name] = tomllib.loads(f"{token} = 0")
    return name
