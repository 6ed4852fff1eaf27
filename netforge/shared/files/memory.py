"""A tree in memory, with the same ways as one in a folder: for tests, and for small things that may be lost."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from netforge.plugin import FileInfo
from netforge.shared.files.stamps import Stamps
from netforge.shared.files.store import Draft, Names, Source, Store, not_root

__all__ = ["Memory"]


class _File:
    __slots__ = ("content", "stamp")

    def __init__(self, content: bytes, stamp: int) -> None:
        self.content = content
        self.stamp = stamp


class _Folder:
    """A folder.

    :ivar drafts: how many files are being written there, which keep it from being removed.
    """

    __slots__ = ("drafts", "nodes", "stamp")

    def __init__(self, stamp: int) -> None:
        self.nodes: dict[str, _File | _Folder] = {}
        self.drafts = 0
        self.stamp = stamp


class Memory(Store):
    """A tree. It belongs to the thread of the reactor, which it never keeps waiting.

    :param stamps: the times of change.
    """

    def __init__(self, stamps: Stamps) -> None:
        super().__init__()
        self.stamps = stamps
        self._root = _Folder(stamps.next())

    def count(self) -> None:
        """It is always right."""

    def info(self, names: Names) -> FileInfo:
        if not names:
            return _info("", self._root)
        return _info(names[-1], _existing(names[-1], self._folder(names[:-1])))

    def list(self, names: Names) -> Sequence[FileInfo]:
        return [_info(name, node) for name, node in sorted(self._folder(names).nodes.items())]

    def read(self, names: Names) -> Source:
        folder = self._parent(names)
        return _MemorySource(names[-1], _file(names[-1], _existing(names[-1], folder)))

    def draft(self, names: Names, quota: int | None, *, exclusive: bool) -> Draft:
        folder = self._parent(names)
        if (node := folder.nodes.get(names[-1])) is not None:
            _file(names[-1], node)
        return _MemoryDraft(self, quota, folder, names[-1], exclusive=exclusive)

    def make_folder(self, names: Names) -> None:
        if not names or names[-1] in (folder := self._folder(names[:-1])).nodes:
            raise FileExistsError(errno.EEXIST, "there is something of that name", "/".join(names))
        self.put(folder, names[-1], _Folder(self.stamps.next()))

    def remove(self, names: Names) -> None:
        folder = self._parent(names)
        node = _existing(names[-1], folder)
        if isinstance(node, _Folder) and (node.nodes or node.drafts):
            raise OSError(errno.ENOTEMPTY, "the folder is not empty", names[-1])
        self.put(folder, names[-1], None)
        self.room.change(-_size(node))

    def rename(self, old: Names, new: Names, *, replace: bool) -> None:
        not_root(old, new)
        source, target = self._parent(old), self._parent(new)
        node = _existing(old[-1], source)
        there = target.nodes.get(new[-1])
        if there is not None:
            if not replace:
                raise FileExistsError(errno.EEXIST, "there is something of that name", new[-1])
            _file(new[-1], there)
            if isinstance(node, _Folder):
                raise NotADirectoryError(errno.ENOTDIR, "a folder does not replace a file", new[-1])
        if old == new[: len(old)] and old != new:
            raise PermissionError(errno.EACCES, "a folder cannot be in itself", new[-1])
        self.put(source, old[-1], None)
        self.put(target, new[-1], node)
        if there is not None and there is not node:
            self.room.change(-_size(there))

    def put(self, folder: _Folder, name: str, node: _File | _Folder | None) -> None:
        """Let a name in a folder be that of a node, or of none."""
        folder.stamp = self.stamps.next()
        if node is None:
            del folder.nodes[name]
        else:
            folder.nodes[name] = node

    def _parent(self, names: Names) -> _Folder:
        not_root(names)
        return self._folder(names[:-1])

    def _folder(self, names: Names) -> _Folder:
        folder = self._root
        for name in names:
            node = _existing(name, folder)
            if not isinstance(node, _Folder):
                raise NotADirectoryError(errno.ENOTDIR, "it is a file", name)
            folder = node
        return folder


class _MemorySource(Source):
    def __init__(self, name: str, file: _File) -> None:
        self.info = _info(name, file)
        self._content = file.content

    def read(self, size: int, offset: int) -> bytes:
        return self._content[offset : offset + size]

    def close(self) -> None:
        """There is nothing to give back."""


class _MemoryDraft(Draft):
    def __init__(self, store: Memory, quota: int | None, folder: _Folder, name: str, *, exclusive: bool) -> None:
        super().__init__(store.room, quota)
        self._store = store
        self._folder = folder
        self._name = name
        self._exclusive = exclusive
        self._content = bytearray()
        folder.drafts += 1

    def _write(self, data: bytes, offset: int) -> None:
        self._content.extend(bytes(max(0, offset - len(self._content))))
        self._content[offset : offset + len(data)] = data

    def _truncate(self, size: int) -> None:
        del self._content[size:]
        self._content.extend(bytes(size - len(self._content)))

    def _commit(self) -> FileInfo:
        there = self._folder.nodes.get(self._name)
        if there is not None:
            if self._exclusive:
                raise FileExistsError(errno.EEXIST, "there is something of that name", self._name)
            _file(self._name, there)
        file = _File(bytes(self._content), self._store.stamps.next())
        self._store.put(self._folder, self._name, file)
        self.settle(0 if there is None else _size(there))
        self._discard()
        return _info(self._name, file)

    def _discard(self) -> None:
        self._folder.drafts -= 1
        self._content.clear()


def _existing(name: str, folder: _Folder) -> _File | _Folder:
    try:
        return folder.nodes[name]
    except KeyError:
        raise FileNotFoundError(errno.ENOENT, "there is no such file", name) from None


def _file(name: str, node: _File | _Folder) -> _File:
    if isinstance(node, _Folder):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", name)
    return node


def _size(node: _File | _Folder) -> int:
    return len(node.content) if isinstance(node, _File) else 0


def _info(name: str, node: _File | _Folder) -> FileInfo:
    size = _size(node)
    return FileInfo(name, isinstance(node, _Folder), size, node.stamp / 1e9, f"{node.stamp:x}-{size:x}")
