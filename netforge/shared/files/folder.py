"""A tree in a folder of this computer.

Every path is walked from the root's descriptor, one name at a time, and no step follows a link: so whatever others do
to the folders meanwhile, no step leads out. A file is written under a temporary name beside the one that it will have.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from random import Random
from stat import S_ISDIR, S_ISREG
from threading import Lock
from weakref import finalize

from netforge.plugin import FileInfo
from netforge.shared.files.paths import TEMPORARY
from netforge.shared.files.stamps import Stamps
from netforge.shared.files.store import Draft, Names, Source, Store, not_root, translated

__all__ = ["Folder"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Whatever has taken the place of the file since it was looked at: opening it neither waits nor follows.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder(Store):
    """A tree.

    :param root: the folder, which is made if it is not there. Links on the way to it are followed.
    :param stamps: the times of change.
    :param random: for temporary names.
    :raises OSError: if it cannot be opened or made.
    """

    def __init__(self, root: Path, stamps: Stamps, random: Random) -> None:
        super().__init__()
        _make(root)
        self._root = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
        finalize(self, os.close, self._root)
        self._stamps = stamps
        self._random = random
        # Held while names change, so that what is counted is what has changed.
        self._names = Lock()

    def count(self) -> None:
        self.room.used = 0
        ahead: list[Names] = [()]
        while ahead:
            names = ahead.pop()
            # What cannot be entered, such as lost+found, can be reached by nobody else through this tree either.
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError), self._folder(names) as folder:
                for name, status in _entries(folder):
                    if S_ISDIR(status.st_mode):
                        ahead.append((*names, name))
                    elif name.startswith(TEMPORARY):
                        _sweep(name, folder)
                    else:
                        self.room.used += status.st_size

    def info(self, names: Names) -> FileInfo:
        if not names:
            return _info("", os.fstat(self._root))
        with self._folder(names[:-1]) as folder:
            return _info(names[-1], _existing(names[-1], folder))

    def list(self, names: Names) -> Sequence[FileInfo]:
        with self._folder(names) as folder:
            found = [_info(name, status) for name, status in _entries(folder) if not name.startswith(TEMPORARY)]
        return sorted(found, key=lambda info: info.name)

    def read(self, names: Names) -> Source:
        not_root(names)
        with self._folder(names[:-1]) as folder:
            _file(names[-1], _existing(names[-1], folder))
            try:
                descriptor = os.open(names[-1], _FILE, dir_fd=folder)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO):
                    raise _refused(names[-1]) from None
                raise
        try:
            return _FolderSource(names[-1], descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def draft(self, names: Names, quota: int | None, *, exclusive: bool) -> Draft:
        not_root(names)
        with self._folder(names[:-1]) as folder:
            if (status := _look(names[-1], folder)) is not None:
                _file(names[-1], status)
            own = os.dup(folder)
        try:
            with translated():
                descriptor, temporary = self._temporary(own)
        except BaseException:
            os.close(own)
            raise
        return FolderDraft(self, quota, own, names[-1], descriptor, temporary, exclusive=exclusive)

    def make_folder(self, names: Names) -> None:
        if not names:
            raise FileExistsError(errno.EEXIST, "there is a folder", "/")
        with self._folder(names[:-1]) as folder, translated():
            os.mkdir(names[-1], dir_fd=folder)
            os.fsync(folder)

    def remove(self, names: Names) -> None:
        not_root(names)
        with self._folder(names[:-1]) as folder:
            with self._names:
                status = _existing(names[-1], folder)
                if S_ISDIR(status.st_mode):
                    os.rmdir(names[-1], dir_fd=folder)
                else:
                    os.unlink(names[-1], dir_fd=folder)
                    self.room.change(-status.st_size)
            os.fsync(folder)

    def rename(self, old: Names, new: Names, *, replace: bool) -> None:
        not_root(old, new)
        with self._folder(old[:-1]) as source, self._folder(new[:-1]) as target, translated():
            with self._names:
                status = _existing(old[-1], source)
                there = _look(new[-1], target)
                if there is not None:
                    _replaceable(new[-1], status, there, replace=replace)
                try:
                    os.rename(old[-1], new[-1], src_dir_fd=source, dst_dir_fd=target)
                except OSError as error:
                    if error.errno == errno.EINVAL:
                        raise PermissionError(errno.EACCES, "a folder cannot be in itself", new[-1]) from None
                    raise
                if there is not None and not os.path.samestat(status, there):
                    self.room.change(-there.st_size)
            os.fsync(target)
            os.fsync(source)

    def take_place(self, draft: FolderDraft, folder: int, temporary: str, name: str, *, exclusive: bool) -> None:
        """Give a draft its name in a folder, and count it."""
        with self._names:
            there = _look(name, folder)
            if exclusive:
                # Fails where there is a file, whoever has made it.
                os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
                os.unlink(temporary, dir_fd=folder)
            else:
                if there is not None:
                    _file(name, there)
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            draft.settle(0 if there is None or exclusive else there.st_size)

    def stamp(self, descriptor: int) -> None:
        """Set the time of change of a file."""
        now = self._stamps.next()
        os.utime(descriptor, ns=(now, now))

    @contextmanager
    def _folder(self, names: Names) -> Iterator[int]:
        """A descriptor of a folder, opened afresh."""
        folder = os.open(".", _FOLDER, dir_fd=self._root)
        try:
            for name in names:
                inner = _enter(name, folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def _temporary(self, folder: int) -> tuple[int, str]:
        """A new file with a temporary name: locked, by which a sweep knows that somebody is writing it."""
        while True:
            name = f"{TEMPORARY}{self._random.getrandbits(64):016x}"
            try:
                descriptor = os.open(name, _NEW, 0o666, dir_fd=folder)
            except FileExistsError:
                continue
            try:
                flock(descriptor, LOCK_EX)
            except BaseException:
                os.close(descriptor)
                os.unlink(name, dir_fd=folder)
                raise
            if os.fstat(descriptor).st_nlink:
                return descriptor, name
            # A sweep came before the lock.
            os.close(descriptor)


class _FolderSource(Source):
    def __init__(self, name: str, descriptor: int) -> None:
        status = os.fstat(descriptor)
        _file(name, status)
        self.info = _info(name, status)
        self._descriptor = descriptor

    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self._descriptor, size, offset)

    def close(self) -> None:
        os.close(self._descriptor)


class FolderDraft(Draft):
    """A file with a temporary name. The descriptors are its own; that of the folder finds it wherever that goes."""

    def __init__(
        self,
        store: Folder,
        quota: int | None,
        folder: int,
        name: str,
        descriptor: int,
        temporary: str,
        *,
        exclusive: bool,
    ) -> None:
        super().__init__(store.room, quota)
        self._store = store
        self._folder = folder
        self._name = name
        self._descriptor = descriptor
        self._temporary = temporary
        self._exclusive = exclusive

    def _write(self, data: bytes, offset: int) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._descriptor, rest, offset)
            rest, offset = rest[written:], offset + written

    def _truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def _commit(self) -> FileInfo:
        self._store.stamp(self._descriptor)
        os.fsync(self._descriptor)
        self._store.take_place(self, self._folder, self._temporary, self._name, exclusive=self._exclusive)
        os.fsync(self._folder)
        info = _info(self._name, os.fstat(self._descriptor))
        self._close()
        return info

    def _discard(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._temporary, dir_fd=self._folder)
        self._close()

    def _close(self) -> None:
        os.close(self._descriptor)
        os.close(self._folder)


def _make(root: Path) -> None:
    """Make a folder and those that it is in, durably."""
    try:
        root.mkdir()
    except FileExistsError:
        return
    except FileNotFoundError:
        _make(root.parent)
        root.mkdir(exist_ok=True)
    parent = os.open(root.parent, _FOLDER & ~os.O_NOFOLLOW)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _enter(name: str, folder: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        # Either may be said of a link.
        _look(name, folder)
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder", name) from None


def _entries(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    """The files and folders in a folder, temporary ones too."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if S_ISREG(status.st_mode) or S_ISDIR(status.st_mode):
                    yield entry.name, status


def _look(name: str, folder: int) -> os.stat_result | None:
    """What has a name in a folder, if anything.

    :raises PermissionError: if it is neither a file nor a folder.
    """
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not (S_ISREG(status.st_mode) or S_ISDIR(status.st_mode)):
        raise _refused(name)
    return status


def _existing(name: str, folder: int) -> os.stat_result:
    status = _look(name, folder)
    if status is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such file", name)
    return status


def _file(name: str, status: os.stat_result) -> None:
    """Raise unless it is a file."""
    if S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", name)
    if not S_ISREG(status.st_mode):
        raise _refused(name)


def _replaceable(name: str, by: os.stat_result, there: os.stat_result, *, replace: bool) -> None:
    """Raise unless one may take the place of the other."""
    if not replace:
        raise FileExistsError(errno.EEXIST, "there is something of that name", name)
    _file(name, there)
    if S_ISDIR(by.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "a folder does not replace a file", name)


def _refused(name: str) -> PermissionError:
    return PermissionError(errno.EACCES, "it is neither a file nor a folder, or it is a link", name)


def _sweep(name: str, folder: int) -> None:
    """Remove a temporary file that nobody is writing."""
    with suppress(FileNotFoundError):
        descriptor = os.open(name, _FILE, dir_fd=folder)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            os.unlink(name, dir_fd=folder)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)


def _info(name: str, status: os.stat_result) -> FileInfo:
    folder = S_ISDIR(status.st_mode)
    return FileInfo(
        name,
        folder,
        0 if folder else status.st_size,
        status.st_mtime_ns / 1e9,
        f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}",
    )
