"""Mending a settings file: old keys under their new names, everything else as it was to the letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from netforge.host.settings.document import Document
from netforge.host.settings.positions import Position
from netforge.host.settings.validation import Rename

__all__ = ["mend"]


def mend(document: Document, renames: Iterable[Rename]) -> Mapping[Path, int]:
    """Rename old keys in the files that they stand in. Each file is replaced as a whole.

    :return: the files that were changed, each with the number of keys.
    :raises OSError: if a file cannot be written.
    """
    changes: dict[Path, list[tuple[Position, str]]] = {}
    texts: dict[Path, str] = {}
    for rename in renames:
        source = document.source(rename.key)
        if source is not None and source.path is not None:
            changes.setdefault(source.path, []).append((source.positions[rename.key], rename.name))
            texts[source.path] = source.text
    for path, places in changes.items():
        _replace(path, _renamed(texts[path], places))
    return {path: len(places) for path, places in changes.items()}


def _renamed(text: str, places: Iterable[tuple[Position, str]]) -> str:
    """The last one first, so that the earlier positions stay right."""
    for position, name in sorted(places, key=lambda place: place[0].start, reverse=True):
        text = text[: position.start] + name + text[position.end :]
    return text


def _replace(path: Path, text: str) -> None:
    path = path.resolve()  # a symbolic link stays one
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(text.encode())
            file.flush()
            new.chmod(path.stat().st_mode)
            new.replace(path)
        except OSError:
            new.unlink()
            raise
