"""Files that survive a power failure."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

__all__ = ["rename_durably", "write_durably"]


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file. At any moment its name has the old content or the new one, and the new one when this returns.

    It blocks, twice for the disk.

    :param mode: the permissions of the file.
    :raises OSError: if it cannot be written; then the old one is as it was.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise
    _sync_folder(path.parent)


def rename_durably(old: Path, new: Path) -> None:
    """Give a file that is written another name, in the same folder. What has that name goes.

    When this returns, content and name survive a power failure. It blocks, twice for the disk.

    :raises OSError: if it cannot be done; then the old name is as it was.
    """
    with old.open("rb") as file:
        os.fsync(file.fileno())
    old.replace(new)
    _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    """Make a change of a folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
