"""The ready file: what serves where, for scripts. It is there while everything serves, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from twisted.logger import Logger

from netforge.host import Serving

__all__ = ["ReadyFile"]

log = Logger()


class ReadyFile:
    """A ready file. That it cannot be written or removed is logged, and stops nothing.

    :param path: where it stands; ``None`` for no ready file at all.
    :raises ValueError: if it could never be written there.
    """

    def __init__(self, path: Path | None) -> None:
        # twistd changes the working directory when it becomes a daemon.
        self._path = path.absolute() if path is not None else None
        self._written: tuple[int, ...] | None = None
        if self._path is not None:
            _check(self._path)

    def clear(self) -> None:
        """Remove what an earlier process left behind."""
        if self._path is not None:
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                log.warn("the ready file is not removed: {reason}", reason=error)

    def write(self, state: Path, rows: Sequence[Serving]) -> None:
        """Write it, in place of what stands there.

        :param state: the folder for what outlives restarts.
        """
        if self._path is None:
            return
        services = [
            {"name": one.name, "protocol": one.protocol, "address": one.address, "try": one.try_it} for one in rows
        ]
        try:
            self._written = _replace(self._path, json.dumps({"state": str(state), "services": services}, indent=2))
        except OSError as error:
            log.warn("the ready file is not written: {reason}", reason=error)

    def remove(self) -> None:
        """Remove it, unless another process has put its own there."""
        if self._path is not None and self._written is not None and self._written == _identity(self._path):
            self.clear()


def _check(path: Path) -> None:
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValueError(f"the folder {path.parent} is not writable")


def _replace(path: Path, text: str) -> tuple[int, ...] | None:
    """Write a file as a whole; its identity."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
        new = Path(file.name)
        try:
            file.write(text + "\n")
            file.flush()
            identity = _identity(new)
            new.replace(path)
        except OSError:
            new.unlink()
            raise
    return identity


def _identity(path: Path) -> tuple[int, ...] | None:
    """What tells a file from another one that has its name later; ``None`` if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
