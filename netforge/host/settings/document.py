"""A settings file as read: TOML, with what it includes, and with its ``${...}`` filled in."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netforge.host.settings.positions import Key, Position, scan
from netforge.host.settings.problems import Problem
from netforge.plugin.paths import expanded

__all__ = ["Document", "dotted", "read_document", "read_table", "read_text"]

Table = dict[str, Any]

# ``${env:NAME}`` and ``${file:PATH}``; ``$${`` stands for a plain ``${``. Any other ``${`` is an error.
PLACEHOLDER = re.compile(r"\$\$\{|\$\{(?:(?P<source>env|file):(?P<name>[^{}]+)\}|[^{}]*\}?)")

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

    def where(self, key: Key) -> str:
        """``FILE:LINE`` of a key, or of the nearest table around it."""
        for length in range(len(key), 0, -1):
            if position := self.positions.get(key[:length]):
                return f"{self.name}:{position.line}"
        return self.name


@dataclass(slots=True)
class Document:
    """Settings before validation.

    :param tree: the tables of all files, merged, with placeholders filled in.
    :param written: the same as the files have it, for messages: what came from a placeholder may be a secret.
    :param problems: what was wrong so far.
    :param sources: the file that each entry (``("services", "echo")`` or ``("netforge",)``) stands in.
    :param folder: what relative paths count from, where no entry is concerned.
    :param filled: for each value that had placeholders, each placeholder and what it stood for.
    :param unfilled: the keys of values with a placeholder that could not be filled in.
    :param read: the files that were read.
    """

    folder: Path
    tree: Table = field(default_factory=dict)
    written: Table = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sources: dict[Key, Source] = field(default_factory=dict)
    main: Source | None = None
    filled: dict[Key, list[tuple[str, str]]] = field(default_factory=dict)
    unfilled: set[Key] = field(default_factory=set)
    read: set[Path] = field(default_factory=set)

    def source(self, key: Key) -> Source | None:
        """The file that a key stands in, or would stand in."""
        return self.sources.get(key[:2]) or self.sources.get(key[:1]) or self.main

    def folder_of(self, key: Key) -> Path:
        """What relative paths in a key's value count from: the folder of the file that holds it."""
        source = self.source(key)
        return source.folder if source else self.folder

    def where(self, key: Key) -> str:
        """``FILE:LINE`` of a key, or of the nearest table around it; of what stands in no file, the flag."""
        source = self.source(key)
        return flag(key) if source is None else source.where(key)

    def value_written(self, key: Key) -> Any:
        """The value as the file has it, before placeholders were filled in; ``None`` where there is none."""
        value: Any = self.written
        for part in key:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def masked(self, key: Key, message: str) -> str:
        """A message about the value at *key*, with placeholders where it quotes what they stood for."""
        for at, pairs in self.filled.items():
            if at[: len(key)] == key:
                for placeholder, secret in pairs:
                    message = message.replace(secret, placeholder) if secret else message
        return message

    def add_problem(self, key: Key, message: str) -> None:
        """Note what is wrong with the value at *key*. What was said already is not said again."""
        problem = Problem(self.where(key), "" if self.source(key) is None else dotted(key), message)
        if problem not in self.problems:
            self.problems.append(problem)


def dotted(key: Key) -> str:
    """A key as people write it: ``services.echo.listen[0]``."""
    text = ""
    for part in key:
        name = part if isinstance(part, str) and re.fullmatch("[A-Za-z0-9_-]+", part) else json.dumps(part)
        text += f"[{part}]" if isinstance(part, int) else f".{name}" if text else name
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
    _add(document, _source(document, path, path.read_bytes()))
    return document


def read_text(text: str, folder: Path, name: str = "settings") -> Document:
    """Read settings from a text, as if it stood in a file of that name in *folder*."""
    document = Document(folder.absolute())
    _add(document, _parsed(document, name, text, folder.absolute(), None))
    return document


def read_table(services: Table, folder: Path, host: Table | None = None) -> Document:
    """Settings from the command line: ``[services]``, whose keys are reported as flags, and ``[netforge]``."""
    tree = {"netforge": host or {}, "services": services}
    return Document(folder.absolute(), tree, tree)


def _source(document: Document, path: Path, raw: bytes) -> tuple[Source, Table] | None:
    name = _short(path)
    document.read.add(path.resolve())
    try:
        text = raw.decode("utf-8-sig")  # some editors begin a file with a mark
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
    except RecursionError:
        document.problems.append(Problem(name, "", "brackets are nested too deeply"))
        return None
    source = Source(name, folder, text, scan(text), path)
    document.main = document.main or source
    return source, table


def _syntax_problem(name: str, error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    if place := re.search(r" \(at line (\d+), column (\d+)\)$", message):
        return Problem(f"{name}:{place[1]}", "", f"not TOML: {message[: place.start()]}, column {place[2]}")
    return Problem(name, "", f"not TOML: {message}")


def _add(document: Document, parsed: tuple[Source, Table] | None) -> None:
    """Merge a file into the document, then what it includes."""
    if parsed is None:
        return
    source, table = parsed
    include = table.pop("include", [])
    for group in SHARED_OUT:
        entries = table.pop(group, {})
        if not isinstance(entries, dict):
            document.problems.append(Problem(source.where((group,)), group, "expected a table"))
            continue
        for name, value in entries.items():
            _put(document, source, (group, name), value)
    for name, value in table.items():
        _put(document, source, (name,), value)
    for where, path in _included(document, source, include):
        try:
            raw = path.read_bytes()
        except OSError as error:
            document.problems.append(Problem(where, "include", f"cannot read {_short(path)}: {error.strerror}"))
            continue
        _add(document, _source(document, path, raw))


def _put(document: Document, source: Source, key: tuple[str, ...], value: Any) -> None:
    """Put one entry where it belongs, unless another file has it already."""
    if key in document.sources:
        message = f"is in {document.where(key)} already"
        document.problems.append(Problem(source.where(key), dotted(key), message))
        return
    document.sources[key] = source
    tree, written = document.tree, document.written
    for part in key[:-1]:
        tree, written = tree.setdefault(part, {}), written.setdefault(part, {})
    written[key[-1]] = value
    tree[key[-1]] = _filled(document, key, value)


def _included(document: Document, source: Source, patterns: Any) -> Iterator[tuple[str, Path]]:
    """The files that the patterns name, each with the place that names it. Those of one pattern are in order.

    A pattern with ``*`` passes over what was read already, such as the file that it stands in.
    """
    named: list[tuple[Key, str]]
    if isinstance(patterns, str):
        named = [(("include",), patterns)]
    elif isinstance(patterns, list) and all(isinstance(pattern, str) for pattern in patterns):
        named = [(("include", number), pattern) for number, pattern in enumerate(patterns)]
    else:
        message = "expected a file name or a list of them, with * for many"
        document.problems.append(Problem(source.where(("include",)), "include", message))
        return
    for key, pattern in named:
        absolute = source.folder / pattern
        if "*" in pattern:
            found = sorted(Path(absolute.anchor).glob(str(absolute.relative_to(absolute.anchor))))
            yield from ((source.where(key), path) for path in found if path.resolve() not in document.read)
        elif absolute.resolve() in document.read:
            message = f"{pattern}: was read already; include a file once, and never from itself"
            document.problems.append(Problem(source.where(key), "include", message))
        elif absolute.exists():
            yield source.where(key), absolute
        else:
            document.problems.append(Problem(source.where(key), "include", f"{pattern}: no such file"))


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
    """What a placeholder stands for, or the placeholder itself if that cannot be had."""
    if match[0] == "$${":
        return "${"
    try:
        value = _stands_for(match, document.folder_of(key))
    except ValueError as error:
        document.unfilled.add(key)
        document.add_problem(key, str(error))
        return match[0]
    document.filled.setdefault(key, []).append((match[0], value))
    return value


def _stands_for(match: re.Match[str], folder: Path) -> str:
    source, name = match["source"], match["name"]
    if source == "env" and name in os.environ:
        return os.environ[name]
    if source == "env":
        raise ValueError(f"the environment has no {name}")
    if source is None:
        raise ValueError(f"{match[0]}: expected ${{env:NAME}} or ${{file:PATH}}; write $${{ for a plain ${{")
    try:
        return (folder / expanded(name)).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", error)
        raise ValueError(f"cannot read {name}: {reason}") from None


def _short(path: Path) -> str:
    """A path as the reader would type it: relative where it is below the working directory."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
