"""A folder to be served, and nothing outside of it, whatever links there are and whatever others change meanwhile.

Every path is walked from the root's descriptor, one name at a time, and no call of the system follows a link. Where
there is one its target is walked likewise, from where it stands, and ``..`` in it goes back to a descriptor that the
walk came by: above the root there is none. So there is no moment between a check and a use.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG

__all__ = ["Names", "Place", "Row", "Tree", "servable"]

#: A path within a tree, from its root.
Names = tuple[str, ...]

# Where there is O_PATH, a folder need not be readable to be walked through.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Whatever has taken the place of the file since it was looked at: opening it neither waits nor follows.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

#: The most links on the way to a file.
MOST_LINKS = 16
#: What says that there is no such file.
_ABSENT = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file or a folder is found. Holds for as long as the walk to it is open.

    :param folder: the descriptor of the folder that it is in, or of the folder that it is.
    :param names: its path without links.
    :param status: what it was when it was looked at.
    """

    folder: int
    names: Names
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and else a file."""
        return S_ISDIR(self.status.st_mode)

    def open(self) -> int:
        """A descriptor of the file.

        :raises OSError: as :meth:`Tree.place`.
        """
        with _absence():
            descriptor = os.open(self.names[-1], _FILE, dir_fd=self.folder)
        if not S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _absent()
        return descriptor

    def beside(self, suffix: str) -> os.stat_result | None:
        """What the file is whose name has *suffix* in addition, if there is one."""
        try:
            status = os.stat(self.names[-1] + suffix, dir_fd=self.folder, follow_symlinks=False)
        except OSError:
            return None
        return status if S_ISREG(status.st_mode) else None


@dataclass(frozen=True, slots=True)
class Row:
    """What a folder has.

    :param name: a name that can be asked for.
    :param folder: whether it is a folder.
    :param size: of a file, in bytes.
    :param modified: in seconds of Unix time.
    """

    name: str
    folder: bool
    size: int
    modified: float


class Tree:
    """What can be served. Its methods block.

    :param root: the folder. Links on the way to it are followed, afresh each time, so that it may be replaced.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self) -> None:
        """Look whether the root is there.

        :raises OSError: if it is not, or is no folder.
        """
        os.close(self._open_root())

    @contextmanager
    def place(self, names: Names) -> Iterator[Place]:
        """Walk to a file or a folder.

        :raises FileNotFoundError: if there is none, or it is neither, or it cannot be reached without leaving the tree.
        :raises PermissionError: if it may not be read.
        """
        opened = [self._open_root()]
        try:
            yield _walk(opened, names)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def rows(self, names: Names, most: int) -> tuple[list[Row], int]:
        """What is in a folder and can be asked for, up to *most*; and how many more there are.

        :raises OSError: as :meth:`place`.
        """
        rows: list[Row] = []
        more = 0
        with self.place(names) as place:
            if not place.is_folder:
                raise _absent()
            inner = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.folder)
            try:
                with os.scandir(inner) as entries:
                    for entry in entries:
                        if len(rows) >= most:
                            more += 1
                        elif row := self._row(names, entry):
                            rows.append(row)
            finally:
                os.close(inner)
        return rows, more

    def _row(self, names: Names, entry: os.DirEntry[str]) -> Row | None:
        if not servable(entry.name) or not _is_utf8(entry.name):
            return None
        try:
            status = entry.stat(follow_symlinks=False)
            if S_ISLNK(status.st_mode):
                with self.place((*names, entry.name)) as place:
                    status = place.status
        except OSError:
            return None
        folder = S_ISDIR(status.st_mode)
        if not folder and not S_ISREG(status.st_mode):
            return None
        return Row(entry.name, folder, status.st_size, status.st_mtime)

    def _open_root(self) -> int:
        return os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)


def servable(name: str) -> bool:
    """Whether a name may be asked for. Hidden files may not, nor what is a separator elsewhere."""
    return bool(name) and name[0] != "." and "\\" not in name and "\0" not in name


def _is_utf8(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _walk(opened: list[int], names: Names) -> Place:
    """Walk from the root, the first of *opened*, to which the folders on the way are added."""
    folders, way, ahead, links = opened[:1], list[str](), [*reversed(names)], 0
    while ahead:
        name = ahead.pop()
        if name == "..":
            if not way:
                raise _absent()
            way.pop()
            folders.pop()
            continue
        with _absence():
            status = os.stat(name, dir_fd=folders[-1], follow_symlinks=False)
            if S_ISLNK(status.st_mode):
                links += 1
                target = os.readlink(name, dir_fd=folders[-1])
                if links > MOST_LINKS or target.startswith("/"):
                    raise _absent()
                ahead += [part for part in reversed(target.split("/")) if part not in ("", ".")]
            elif S_ISDIR(status.st_mode):
                opened.append(os.open(name, _FOLDER, dir_fd=folders[-1]))
                folders.append(opened[-1])
                way.append(name)
            elif S_ISREG(status.st_mode) and not ahead:
                return Place(folders[-1], (*way, name), status)
            else:
                raise _absent()
    return Place(folders[-1], tuple(way), os.fstat(folders[-1]))


@contextmanager
def _absence() -> Iterator[None]:
    """Have every way of the system to say that something is not there said in one way."""
    try:
        yield
    except OSError as error:
        if error.errno in _ABSENT:
            raise _absent() from None
        raise


def _absent() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "there is no such file")
