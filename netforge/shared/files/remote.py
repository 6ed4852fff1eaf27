"""A tree behind fsspec. What holds of one, and what depends on the back end, ``docs/files.rst`` says."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from shutil import copyfileobj
from tempfile import TemporaryFile
from threading import Lock
from typing import Any

from netforge.plugin import FileInfo
from netforge.shared.files.store import LARGEST_READ, Draft, Names, Source, Store, not_root

__all__ = ["Remote"]

#: What back ends call the time of the last change.
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


class Remote(Store):
    """A tree.

    :param url: a URL that fsspec knows.
    :raises ValueError: if nothing that is installed serves such a URL.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            core = import_module("fsspec.core")
        except ImportError:
            raise ValueError(f"{url} needs fsspec: pip install 'netforge[fsspec]'") from None
        try:
            # Listings that are kept for a while would show others' files as they were.
            self.system, root = core.url_to_fs(url, use_listings_cache=False)
        except ImportError as error:
            raise ValueError(f"{url}: {error}") from None
        self._root = root.rstrip("/")
        self.system.makedirs(self._root or "/", exist_ok=True)
        # Held while names change: what must not be there is looked for first, since nothing else is common to all.
        self.names = Lock()

    def count(self) -> None:
        found = self.system.find(self._root or "/", detail=True)
        self.room.used = sum(details["size"] or 0 for details in found.values())

    def info(self, names: Names) -> FileInfo:
        return _info(names[-1] if names else "", self.details(names))

    def list(self, names: Names) -> Sequence[FileInfo]:
        _folder(self.details(names), names)
        found = self.system.ls(self.path(names), detail=True)
        infos = [
            _info(details["name"].rstrip("/").rpartition("/")[2], details)
            for details in found
            if details["type"] in ("file", "directory")
        ]
        return sorted(infos, key=lambda info: info.name)

    def read(self, names: Names) -> Source:
        return _RemoteSource(self, names, _file(self.details(names), names))

    def draft(self, names: Names, quota: int | None, *, exclusive: bool) -> Draft:
        self.parent(names)
        if (there := self.look(names)) is not None:
            _file(there, names)
        return _RemoteDraft(self, quota, names, exclusive=exclusive)

    def make_folder(self, names: Names) -> None:
        with self.names:
            if self.look(names) is not None:
                raise FileExistsError(errno.EEXIST, "there is something of that name", "/".join(names))
            self.parent(names)
            self.system.mkdir(self.path(names), create_parents=False)

    def remove(self, names: Names) -> None:
        self.parent(names)
        with self.names:
            details = self.details(names)
            if details["type"] == "file":
                self.system.rm_file(self.path(names))
                self.room.change(-details["size"])
                return
            if self.system.ls(self.path(names), detail=False):
                raise OSError(errno.ENOTEMPTY, "the folder is not empty", names[-1])
            self.system.rmdir(self.path(names))

    def rename(self, old: Names, new: Names, *, replace: bool) -> None:
        not_root(old, new)
        self.parent(old)
        self.parent(new)
        with self.names:
            details, there = self.details(old), self.look(new)
            folder = details["type"] == "directory"
            if there is not None:
                if not replace:
                    raise FileExistsError(errno.EEXIST, "there is something of that name", new[-1])
                _file(there, new)
                if folder:
                    raise NotADirectoryError(errno.ENOTDIR, "a folder does not replace a file", new[-1])
            if new[: len(old)] == old:
                if len(new) > len(old):
                    raise PermissionError(errno.EACCES, "a folder cannot be in itself", new[-1])
                return
            self.system.mv(self.path(old), self.path(new), recursive=folder)
            self.room.change(0 if there is None else -there["size"])

    def path(self, names: Names) -> str:
        """A path as the back end has it."""
        return "/".join((self._root, *names)) or "/"

    def parent(self, names: Names) -> None:
        """Raise unless there is a folder that a name is in."""
        not_root(names)
        _folder(self.details(names[:-1]), names[:-1])

    def look(self, names: Names) -> Mapping[str, Any] | None:
        """What the back end knows of what is at a path; ``None`` if nothing is there."""
        try:
            details: Mapping[str, Any] = self.system.info(self.path(names))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return details

    def details(self, names: Names) -> Mapping[str, Any]:
        """What the back end knows of what is at a path.

        :raises FileNotFoundError: if nothing is there.
        :raises NotADirectoryError: if it is said to be in a file.
        """
        details = self.look(names)
        if details is None:
            if names:
                _folder(self.details(names[:-1]), names[:-1])
            raise FileNotFoundError(errno.ENOENT, "there is no such file", "/".join(names))
        return details


class _RemoteSource(Source):
    """A file that is read in pieces. A piece of another version than that which was opened is never given."""

    def __init__(self, store: Remote, names: Names, details: Mapping[str, Any]) -> None:
        self.info = _info(names[-1], details)
        self._store = store
        self._names = names

    def read(self, size: int, offset: int) -> bytes:
        end = min(offset + size, self.info.size)
        if end <= offset:
            return b""
        data: bytes = self._store.system.cat_file(self._store.path(self._names), start=offset, end=end)
        if _info(self._names[-1], self._store.details(self._names)) != self.info:
            raise OSError(errno.ESTALE, "the file has changed since it was opened", self._names[-1])
        return data

    def close(self) -> None:
        """There is nothing to give back."""


class _RemoteDraft(Draft):
    """A file that is kept on this computer's disk until it is complete."""

    def __init__(self, store: Remote, quota: int | None, names: Names, *, exclusive: bool) -> None:
        super().__init__(store.room, quota)
        self._store = store
        self._names = names
        self._exclusive = exclusive
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115  closed with the draft

    def _write(self, data: bytes, offset: int) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._file.fileno(), rest, offset)
            rest, offset = rest[written:], offset + written

    def _truncate(self, size: int) -> None:
        self._file.truncate(size)

    def _commit(self) -> FileInfo:
        self._store.parent(self._names)
        there = self._store.look(self._names)
        if there is not None:
            if self._exclusive:
                raise FileExistsError(errno.EEXIST, "there is something of that name", self._names[-1])
            _file(there, self._names)
        path = self._store.path(self._names)
        self._file.seek(0)
        with self._store.system.open(path, "xb" if self._exclusive else "wb") as target:
            copyfileobj(self._file, target, LARGEST_READ)
        self.settle(0 if there is None else there["size"])
        self._discard()
        return _info(self._names[-1], self._store.details(self._names))

    def _discard(self) -> None:
        self._file.close()


def _file(details: Mapping[str, Any], names: Names) -> Mapping[str, Any]:
    if details["type"] == "directory":
        raise IsADirectoryError(errno.EISDIR, "it is a folder", "/".join(names))
    if details["type"] != "file":
        raise PermissionError(errno.EACCES, "it is neither a file nor a folder", "/".join(names))
    return details


def _folder(details: Mapping[str, Any], names: Names) -> None:
    if details["type"] != "directory":
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder", "/".join(names))


def _info(name: str, details: Mapping[str, Any]) -> FileInfo:
    if details["type"] == "directory":
        return FileInfo(name, folder=True, size=0, modified=_time(details), version="")
    size, modified = details["size"], _time(details)
    return FileInfo(name, False, size, modified, f"{details.get('ETag') or modified.hex()}-{size:x}".replace('"', ""))


def _time(details: Mapping[str, Any]) -> float:
    """Unix time of the last change; 0 if the back end does not tell."""
    for key in _TIMES:
        match details.get(key):
            case datetime() as moment:
                return moment.timestamp()
            case float() | int() as seconds:
                return float(seconds)
    return 0.0
