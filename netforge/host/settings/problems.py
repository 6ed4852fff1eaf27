"""Problems in settings: where, what was expected, and the nearest right word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["Problem", "SettingsError", "nearest"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the settings, or that works but should be mended.

    :param where: ``FILE:LINE``, or the name of a command-line flag.
    :param key: the dotted key, or empty where the whole file is meant.
    :param message: what is wrong and what was expected.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class SettingsError(Exception):
    """The settings cannot be used. Nothing was started.

    :param problems: all of them; kept file by file, by line.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = _in_order(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''} in the settings"
        super().__init__("\n".join([*map(str, self.problems), f"{count}; nothing was started"]))


def _in_order(problems: Iterable[Problem]) -> Sequence[Problem]:
    files: dict[str, int] = {}

    def place(problem: Problem) -> tuple[int, int]:
        file, _, line = problem.where.rpartition(":")
        file, number = (file, int(line)) if line.isdecimal() else (problem.where, 0)
        return files.setdefault(file, len(files)), number

    return sorted(problems, key=place)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the known word that looks most like a wrong one: ``; did you mean 'listen'?``, or nothing."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""
