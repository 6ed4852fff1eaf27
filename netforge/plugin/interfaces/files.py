"""Trees of files that services serve and fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

__all__ = ["FileInfo", "IFileTree", "IFiles", "IReading", "IWriting", "QuotaExceeded"]


class QuotaExceeded(OSError):  # noqa: N818  says what happened
    """A tree, or the disk below it, has no room for more."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is known of a file or a folder.

    :param name: its last name within the tree; empty for the root.
    :param folder: whether it is a folder.
    :param size: in bytes; 0 for a folder.
    :param modified: Unix time of the last change of the content.
    :param version: changes whenever the content does; fit for an ETag.
    """

    name: str
    folder: bool
    size: int
    modified: float
    version: str


class IReading(Interface):
    """A file that is open for reading. It keeps its content, whatever happens to the name meanwhile."""

    info: FileInfo = Attribute("the file as it was opened")

    def read(size: int, offset: int | None = None) -> Deferred[bytes]:
        """The next bytes: at most *size*, and at most 256 KiB; none at the end.

        :param offset: where to go on; where the last read ended if left out.
        """

    def close() -> Deferred[None]:
        """Give it back. May be called twice."""


class IWriting(Interface):
    """A file that is being written. Nobody sees it under its name before :meth:`commit`."""

    def write(data: bytes, offset: int | None = None) -> Deferred[None]:
        """Write. Once that has failed, the file can only be aborted.

        :param offset: where to go on; where the last write ended if left out.
        :raises QuotaExceeded: through the Deferred, if there is no room.
        """

    def truncate(size: int) -> Deferred[None]:
        """Make it *size* bytes long."""

    def commit() -> Deferred[FileInfo]:
        """Make it the file of its name, at once and durably: when the Deferred fires, it survives a power failure.

        If it fails, the file is gone.
        """

    def abort() -> Deferred[None]:
        """Forget it. May be called twice, and after :meth:`commit`, when it does nothing."""


class IFileTree(Interface):
    """A tree of files. No path leads out of it, neither by ``..`` nor by a link.

    Paths are relative to the root and have ``/`` between their names; a leading one counts for nothing. Errors come
    through the Deferreds: :exc:`FileNotFoundError`, :exc:`FileExistsError`, :exc:`IsADirectoryError`,
    :exc:`NotADirectoryError`, :exc:`PermissionError` (also for a path that would leave the tree, and for a link),
    :exc:`ValueError` for what no file's name can be, such as a NUL, :exc:`QuotaExceeded`, and any other
    :exc:`OSError`, such as ``ENAMETOOLONG``. Bytes of a name that are no UTF-8 are as :func:`os.fsdecode` has them.

    To cancel a Deferred stops nothing; but what it would have opened is closed.
    """

    def info(path: str) -> Deferred[FileInfo]:
        """What is at a path."""

    def list(path: str) -> Deferred[Sequence[FileInfo]]:
        """What is in a folder, by name."""

    def read(path: str) -> Deferred[IReading]:
        """Open a file for reading."""

    def write(path: str, *, exclusive: bool = False, keep: bool = False) -> Deferred[IWriting]:
        """Begin to write a file.

        :param exclusive: fail at the commit if there is a file of that name by then.
        :param keep: begin with the content that the file has, to change or extend it, rather than with none.
        """

    def make_folder(path: str) -> Deferred[None]:
        """Make a folder in a folder that is there."""

    def remove(path: str) -> Deferred[None]:
        """Remove a file, or an empty folder.

        :raises OSError: through the Deferred, with ``ENOTEMPTY`` for a folder in which there is, or is being written,
            something.
        """

    def rename(old: str, new: str, *, replace: bool = False) -> Deferred[None]:
        """Move a file or a folder, at once.

        :param replace: whether a file that has the new name goes.
        """

    def usage() -> Deferred[tuple[int, int | None]]:
        """How many bytes the files have, and how many they may have (``None``: as many as fit)."""


class IFiles(Interface):
    """Opens trees of files."""

    def tree(place: str, *, quota: int | None = None) -> IFileTree:
        """The tree at a place.

        :param place: an absolute folder, which is made if it is not there; ``memory:NAME``; or a URL of a back end that
            fsspec knows, such as ``s3://bucket/folder``, which needs ``netforge[fsspec]``.
        :param quota: the most bytes that its files may have together.
        :raises ValueError: if no back end serves such a place.
        :raises OSError: if the folder cannot be opened or made.
        """
