"""``FileTree``: a store as services see it, with Deferreds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from netforge.plugin import FileInfo, IFileTree, IReading, IWriting
from netforge.shared.files.opened import Reading, Writing
from netforge.shared.files.paths import names_of
from netforge.shared.files.store import Names
from netforge.shared.files.workplace import Workplace, given

__all__ = ["FileTree"]

T = TypeVar("T")
P = ParamSpec("P")


@implementer(IFileTree)
class FileTree:
    """A tree.

    :param at: where its files are.
    :param quota: the most bytes that they may have.
    """

    def __init__(self, at: Workplace, quota: int | None) -> None:
        self._at = at
        self._store = at.store
        self._quota = quota

    def info(self, path: str) -> Deferred[FileInfo]:
        return given(self._look(self._store.info, path))

    def list(self, path: str) -> Deferred[Sequence[FileInfo]]:
        return given(self._look(self._store.list, path))

    def read(self, path: str) -> Deferred[IReading]:
        async def read() -> IReading:
            return Reading(self._at, await self._look(self._store.read, path))

        return given(read(), lambda reading: reading.close())

    def write(self, path: str, *, exclusive: bool = False, keep: bool = False) -> Deferred[IWriting]:
        async def write() -> IWriting:
            draft = await self._change(self._store.write, path, self._quota, exclusive=exclusive, keep=keep)
            return Writing(self._at, draft)

        return given(write(), lambda writing: writing.abort())

    def make_folder(self, path: str) -> Deferred[None]:
        return given(self._change(self._store.make_folder, path))

    def remove(self, path: str) -> Deferred[None]:
        return given(self._change(self._store.remove, path))

    def rename(self, old: str, new: str, *, replace: bool = False) -> Deferred[None]:
        async def rename() -> None:
            names = names_of(old), names_of(new)
            await self._at.change(self._store.rename, *names, replace=replace)

        return given(rename())

    def usage(self) -> Deferred[tuple[int, int | None]]:
        async def usage() -> tuple[int, int | None]:
            await self._at.count()
            return self._store.room.used, self._quota

        return given(usage())

    async def _look(self, work: Callable[[Names], T], path: str) -> T:
        return await self._at.run(work, names_of(path))

    async def _change(
        self, work: Callable[Concatenate[Names, P], T], path: str, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._at.change(work, names_of(path), *args, **kwargs)
