"""Files that are open. What is asked of one is done in that order, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from zope.interface import implementer

from netforge.plugin import FileInfo, IReading, IWriting
from netforge.shared.files.store import LARGEST_READ, Draft, Source
from netforge.shared.files.workplace import Workplace, given

__all__ = ["Reading", "Writing"]

T = TypeVar("T")


class _Turns:
    """One after the other."""

    def __init__(self) -> None:
        self._lock = DeferredLock()

    def _in_turn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Deferred[T]:
        async def turn() -> T:
            async with self._lock:
                return await work()

        return given(turn())


@implementer(IReading)
class Reading(_Turns):
    """A file that is open for reading."""

    def __init__(self, at: Workplace, source: Source) -> None:
        super().__init__()
        self.info = source.info
        self._at = at
        self._source: Source | None = source
        self._next = 0

    def read(self, size: int, offset: int | None = None) -> Deferred[bytes]:
        async def read() -> bytes:
            begin = _counted(self._next if offset is None else offset)
            most = min(_counted(size), LARGEST_READ)
            data = await self._at.run(_open(self._source).read, most, begin)
            self._next = begin + len(data)
            return data

        return self._in_turn(read)

    def close(self) -> Deferred[None]:
        async def close() -> None:
            if self._source is not None:
                source, self._source = self._source, None
                await self._at.run(source.close)

        return self._in_turn(close)


@implementer(IWriting)
class Writing(_Turns):
    """A file that is being written."""

    def __init__(self, at: Workplace, draft: Draft) -> None:
        super().__init__()
        self._at = at
        self._draft: Draft | None = draft
        self._next = draft.size

    def write(self, data: bytes, offset: int | None = None) -> Deferred[None]:
        async def write() -> None:
            begin = _counted(self._next if offset is None else offset)
            await self._at.change(_open(self._draft).write, data, begin)
            self._next = begin + len(data)

        return self._in_turn(write)

    def truncate(self, size: int) -> Deferred[None]:
        async def truncate() -> None:
            await self._at.change(_open(self._draft).truncate, _counted(size))

        return self._in_turn(truncate)

    def commit(self) -> Deferred[FileInfo]:
        async def commit() -> FileInfo:
            draft, self._draft = _open(self._draft), None
            info = await self._at.change(draft.commit)
            self._at.has_room()
            return info

        return self._in_turn(commit)

    def abort(self) -> Deferred[None]:
        async def abort() -> None:
            if self._draft is not None:
                draft, self._draft = self._draft, None
                await self._at.run(draft.abort)

        return self._in_turn(abort)


def _open(file: T | None) -> T:
    if file is None:
        raise ValueError("the file is closed")
    return file


def _counted(number: int) -> int:
    """A size or an offset."""
    if number < 0:
        raise ValueError(f"expected a number of bytes, found {number}")
    return number
