"""Paths within a tree: what they may be made of."""

from __future__ import annotations

import errno
import os

__all__ = ["TEMPORARY", "names_of"]

#: What the names of files that are being written begin with. Nobody else may use such a name.
TEMPORARY = ".netforge-part-"

#: The most bytes of a name and of a path, as on Linux: every engine has these bounds, so that trees can move.
LONGEST_NAME = 255
LONGEST_PATH = 4095


def names_of(path: str) -> tuple[str, ...]:
    """The names in a path, from the root down; none for the root itself. Empty names and ``.`` count for nothing.

    Bytes that are no UTF-8 stand in names as :func:`os.fsdecode` has them.

    :raises PermissionError: for ``..``, and for a name that is reserved.
    :raises ValueError: for a NUL, and for what no name in a file system can be.
    :raises OSError: with ``ENAMETOOLONG`` for a name of over 255 bytes or a path of over 4095.
    """
    if "\0" in path:
        raise ValueError(f"a path has no NUL: {path!r}")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, f"a path has at most {LONGEST_PATH} bytes", path)
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    for name in names:
        if name == "..":
            raise PermissionError(errno.EACCES, "a path does not go up", path)
        if name.startswith(TEMPORARY):
            raise PermissionError(errno.EACCES, "the name is reserved for files that are being written", path)
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, f"a name has at most {LONGEST_NAME} bytes", path)
    return names
