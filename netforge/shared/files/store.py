"""What a back end of trees does: calls that block, one class for each, and what is the same for all."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from netforge.plugin import FileInfo, QuotaExceeded
from netforge.shared.files.room import Room

__all__ = ["LARGEST_READ", "Draft", "Names", "Source", "Store", "not_root", "translated"]

#: The most bytes that are read in one go.
LARGEST_READ = 256 * 1024

#: A path: the names from the root down; empty for the root.
Names = Sequence[str]


@contextmanager
def translated() -> Iterator[None]:
    """Have an error that says that the disk is full be the :exc:`QuotaExceeded` that it is."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and not isinstance(error, QuotaExceeded):
            raise QuotaExceeded(error.errno, error.strerror) from error
        raise


def not_root(*paths: Names) -> None:
    """Raise if one of these is the root, which is neither a file nor to be moved."""
    if not all(paths):
        raise IsADirectoryError(errno.EISDIR, "it is the root of the tree", "/")


class Source(ABC):
    """A file that is open for reading, by one thread at a time.

    :ivar info: the file as it was opened.
    """

    info: FileInfo

    @abstractmethod
    def read(self, size: int, offset: int) -> bytes:
        """At most *size* bytes, none at the end."""

    @abstractmethod
    def close(self) -> None:
        """Give it back. Called once."""


class Draft(ABC):
    """A file that is being written, by one thread at a time. After an error it can only be aborted.

    :param room: where its bytes are reserved.
    :param quota: the most bytes that there may be.
    :ivar size: how many it has.
    """

    def __init__(self, room: Room, quota: int | None) -> None:
        self.size = 0
        self._room = room
        self._quota = quota
        self._error: OSError | None = None

    def write(self, data: bytes, offset: int) -> None:
        """Write all of *data*. Nothing, wherever it is written, changes nothing."""
        with self._sound():
            if data:
                self._reserve(max(self.size, offset + len(data)))
                self._write(data, offset)

    def truncate(self, size: int) -> None:
        """Make it *size* bytes long."""
        with self._sound():
            self._reserve(size)
            self._truncate(size)

    def fill(self, source: Source) -> None:
        """Begin with the content of another file."""
        while data := source.read(LARGEST_READ, self.size):
            self.write(data, self.size)

    def commit(self) -> FileInfo:
        """Give it its name, durably. If that fails, it is gone."""
        try:
            with self._sound():
                return self._commit()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Forget it."""
        self._room.change(0, reserved=self.size)
        self.size = 0
        self._discard()

    def settle(self, replaced: int) -> None:
        """Count it as a file from now on, in the place of one of *replaced* bytes."""
        self._room.change(self.size - replaced, reserved=self.size)
        self.size = 0

    @contextmanager
    def _sound(self) -> Iterator[None]:
        if self._error is not None:
            raise self._error
        try:
            with translated():
                yield
        except OSError as error:
            self._error = error
            raise

    def _reserve(self, size: int) -> None:
        self._room.reserve(size - self.size, self._quota)
        self.size = size

    @abstractmethod
    def _write(self, data: bytes, offset: int) -> None:
        """Write all of it."""

    @abstractmethod
    def _truncate(self, size: int) -> None:
        """Make it *size* bytes long."""

    @abstractmethod
    def _commit(self) -> FileInfo:
        """Give it its name, call :meth:`settle` in the same breath, and return when it is durable."""

    @abstractmethod
    def _discard(self) -> None:
        """Leave nothing behind, neither before nor after a commit that failed."""


class Store(ABC):
    """A tree of files. Its methods block, may be called from any thread, and raise what ``IFileTree`` says.

    :ivar room: how many bytes its files have; right once :meth:`count` was called.
    """

    def __init__(self) -> None:
        self.room = Room()

    @abstractmethod
    def count(self) -> None:
        """Count the bytes of its files, and remove what a crash has left behind. Nothing changes meanwhile."""

    @abstractmethod
    def info(self, names: Names) -> FileInfo:
        """What is there."""

    @abstractmethod
    def list(self, names: Names) -> Sequence[FileInfo]:
        """What is in a folder, by name."""

    @abstractmethod
    def read(self, names: Names) -> Source:
        """Open a file."""

    @abstractmethod
    def draft(self, names: Names, quota: int | None, *, exclusive: bool) -> Draft:
        """Begin a file."""

    @abstractmethod
    def make_folder(self, names: Names) -> None:
        """Make a folder, durably."""

    @abstractmethod
    def remove(self, names: Names) -> None:
        """Remove a file or an empty folder, durably."""

    @abstractmethod
    def rename(self, old: Names, new: Names, *, replace: bool) -> None:
        """Move a file or a folder, durably."""

    def write(self, names: Names, quota: int | None, *, exclusive: bool, keep: bool) -> Draft:
        """Begin a file, with the content that it has if *keep*."""
        draft = self.draft(names, quota, exclusive=exclusive)
        try:
            if keep:
                self._fill(draft, names)
        except BaseException:
            draft.abort()
            raise
        return draft

    def _fill(self, draft: Draft, names: Names) -> None:
        try:
            source = self.read(names)
        except FileNotFoundError:
            return
        try:
            draft.fill(source)
        finally:
            source.close()
