"""A settings file as read: TOML, with what it includes, and with its ``${...}`` filled in."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netforge.host.settings.positions import Key, Position, scan
from netforge.host.settings.problems import Problem

__all__ = ["Document", "dotted", "read_document", "read_table", "read_text"]

Table = dict[str, Any]

# ``${env:NAME}`` and ``${file:PATH}``; ``$${`` stands for a plain ``${``.
PLACEHOLDER = re.compile(r"\$\$\{|\$\{(?P<source>[^}:]*):(?P<name>[^}]*)\}")

#: The tables whose entries may come from several files, each entry from one.
SHARED_OUT = ("services", "shared")


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a document. *path* is ``None`` for a text that stands in no file."""

    name: str
    folder: Path
    text: str
    positions: Mapping[Key, Position]
    path: Path | None = None


@dataclass(slots=True)
class Document:
    """Settings before validation.

    :param tree: the tables of all files, merged, with placeholders filled in.
    :param written: the same as the files have it, for messages: what came from a placeholder may be a secret.
    :param problems: what was wrong so far.
    :param sources: the file that each entry (``("services", "echo")`` or ``("netforge",)``) stands in.
    :param folder: what relative paths count from, where no entry is concerned.
    """

    folder: Path
    tree: Table = field(default_factory=dict)
    written: Table = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sources: dict[Key, Source] = field(default_factory=dict)
    main: Source | None = None

    def source(self, key: Key) -> Source | None:
        """The file that a key stands in, or would stand in."""
        return self.sources.get(key[:2]) or self.sources.get(key[:1]) or self.main

    def folder_of(self, key: Key) -> Path:
        """What relative paths in a key's value count from: the folder of the file that holds it."""
        source = self.source(key)
        return source.folder if source else self.folder

    def where(self, key: Key) -> str:
        """``FILE:LINE`` of a key, or of the nearest table around it."""
        source = self.source(key)
        if source is None:
            return flag(key)
        for length in range(len(key), 0, -1):
            if position := source.positions.get(key[:length]):
                return f"{source.name}:{position.line}"
        return source.name

    def add_problem(self, key: Key, message: str) -> None:
        """Note what is wrong with the value at *key*."""
        self.problems.append(Problem(self.where(key), "" if self.source(key) is None else dotted(key), message))


def dotted(key: Key) -> str:
    """A key as people write it: ``services.echo.listen[0]``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def flag(key: Key) -> str:
    """The command-line flag that stands for a service's key: ``--listen``."""
    return f"--{str(key[2]).replace('_', '-')}" if len(key) > 2 else ""


def read_document(path: Path) -> Document:
    """Read a settings file and what it includes.

    :raises OSError: if the file itself cannot be read. Everything else becomes a problem of the document.
    """
    path = path.absolute()
    document = Document(path.parent)
    _add(document, _source(document, path, path.read_bytes()), already=[path])
    return document


def read_text(text: str, folder: Path, name: str = "settings") -> Document:
    """Read settings from a text, as if it stood in a file of that name in *folder*."""
    document = Document(folder.absolute())
    _add(document, _parsed(document, name, text, folder.absolute(), None), already=[])
    return document


def read_table(services: Table, folder: Path, host: Table | None = None) -> Document:
    """Settings from the command line: ``[services]``, whose keys are reported as flags, and ``[netforge]``."""
    tree = {"netforge": host or {}, "services": services}
    return Document(folder.absolute(), tree, tree)


def _source(document: Document, path: Path, raw: bytes) -> tuple[Source, Table] | None:
    name = _short(path)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        document.problems.append(Problem(name, "", f"not UTF-8 at byte {error.start}, as TOML must be"))
        return None
    return _parsed(document, name, text, path.parent, path)


def _parsed(document: Document, name: str, text: str, folder: Path, path: Path | None) -> tuple[Source, Table] | None:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        document.problems.append(_syntax_problem(name, error))
        return None
    source = Source(name, folder, text, scan(text), path)
    document.main = document.main or source
    return source, table


def _syntax_problem(name: str, error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    if place := re.search(r" \(at line (\d+), column (\d+)\)$", message):
        return Problem(f"{name}:{place[1]}", "", f"not TOML: {message[: place.start()]}, column {place[2]}")
    return Problem(name, "", f"not TOML: {message}")


def _add(document: Document, parsed: tuple[Source, Table] | None, already: list[Path]) -> None:
    """Merge a file into the document, then what it includes."""
    if parsed is None:
        return
    source, table = parsed
    include = table.pop("include", [])
    written = {name: value for name, value in table.items() if name not in SHARED_OUT}
    for name in SHARED_OUT:
        entries = table.get(name, {})
        if isinstance(entries, dict):
            for entry, value in entries.items():
                _put(document, source, (name, entry), value)
        else:
            written[name] = entries
    for name, value in written.items():
        _put(document, source, (name,), value)
    for path in _included(document, source, include):
        if path in already:
            document.problems.append(Problem(source.name, "include", f"{_short(path)} includes itself"))
            continue
        try:
            raw = path.read_bytes()
        except OSError as error:
            document.problems.append(Problem(source.name, "include", f"cannot read {path}: {error.strerror}"))
            continue
        _add(document, _source(document, path, raw), [*already, path])


def _put(document: Document, source: Source, key: tuple[str, ...], value: Any) -> None:
    """Put one entry where it belongs, unless another file has it already."""
    if key in document.sources:
        first = document.where(key)
        line = source.positions[key].line
        document.problems.append(Problem(f"{source.name}:{line}", dotted(key), f"is in {first} already"))
        return
    document.sources[key] = source
    tree, written = document.tree, document.written
    for part in key[:-1]:
        tree, written = tree.setdefault(part, {}), written.setdefault(part, {})
    written[key[-1]] = value
    tree[key[-1]] = _filled(document, key, value)


def _included(document: Document, source: Source, patterns: Any) -> Iterator[Path]:
    """The files that the patterns name, in the order of their names."""
    patterns = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        line = source.positions[("include",)].line
        message = "expected a file name or a list of them, with * for many"
        document.problems.append(Problem(f"{source.name}:{line}", "include", message))
        return
    for number, pattern in enumerate(patterns):
        absolute = source.folder / pattern
        if "*" in pattern:
            yield from sorted(Path(absolute.anchor).glob(str(absolute.relative_to(absolute.anchor))))
        elif absolute.exists():
            yield absolute
        else:
            position = source.positions.get(("include", number)) or source.positions[("include",)]
            message = f"{pattern}: no such file"
            document.problems.append(Problem(f"{source.name}:{position.line}", "include", message))


def _filled(document: Document, key: Key, value: Any) -> Any:
    """The value with its placeholders filled in; what cannot be had becomes a problem."""
    match value:
        case str():
            return PLACEHOLDER.sub(lambda match: _looked_up(document, key, match), value)
        case list():
            return [_filled(document, (*key, number), one) for number, one in enumerate(value)]
        case dict():
            return {name: _filled(document, (*key, name), one) for name, one in value.items()}
        case _:
            return value


def _looked_up(document: Document, key: Key, match: re.Match[str]) -> str:
    source, name = match["source"], match["name"]
    if source is None:
        return "${"
    if source == "env":
        if name in os.environ:
            return os.environ[name]
        document.add_problem(key, f"the environment has no {name}")
    elif source == "file":
        try:
            return (document.folder_of(key) / Path(name).expanduser()).read_text().removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            document.add_problem(key, f"cannot read {name}: {reason}")
    else:
        document.add_problem(key, f"{match[0]}: expected ${{env:NAME}} or ${{file:PATH}}; write $${{ for a plain ${{")
    return match[0]


def _short(path: Path) -> str:
    """A path as the reader would type it: relative where it is below the working directory."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
