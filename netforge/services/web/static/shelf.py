"""What is known of files, for a moment, and the content of small ones: so they need no thread each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from netforge.plugin import IReactor
from netforge.services.web.static.files import File, Folder, Variant
from netforge.services.web.static.opened import Opened
from netforge.services.web.static.reader import Reader

__all__ = ["Shelf"]

T = TypeVar("T")
P = ParamSpec("P")

#: Seconds for which what was looked up counts.
FRESH = 0.5
#: Seconds that a file must have been left alone before it is kept. The clock of a file system moves in steps: who
#: changes one twice within a step leaves the same time.
SETTLED = 2.0
#: Files of more bytes are read each time, piece by piece.
SMALL = 64 * 1024
#: What an entry is taken for besides its content, in bytes.
OVERHEAD = 2048
#: The most files that are kept open though nobody is being sent them.
MOST_OPEN = 64
#: The most threads that may wait for disks at once: the rest of the reactor's are for others.
THREADS = 4


@dataclass(slots=True)
class _Entry:
    found: File | Folder
    until: float
    size: int


class Shelf:
    """Has files looked up and read in threads, and remembers what it can.

    :param reactor: where threads and time come from.
    :param reader: does the work.
    :param most: the most bytes that are kept.
    """

    def __init__(self, reactor: IReactor, reader: Reader, most: int) -> None:
        self._reactor = reactor
        self._reader = reader
        self._most = most
        self._size = 0
        self._open = 0
        # In the order of their last use.
        self._entries: dict[str, _Entry] = {}
        self._awaited: dict[tuple[str, str], list[Deferred[Any]]] = {}
        self._threads = DeferredSemaphore(THREADS)

    def known(self, path: str) -> File | Folder | None:
        """What is at a path, if that is known."""
        entry = self._entries.get(path)
        if entry is None or entry.until < self._reactor.seconds():
            return None
        self._entries[path] = self._entries.pop(path)
        return entry.found

    async def find(self, path: str) -> File | Folder | None:
        """What is at a path.

        :raises PermissionError: if it may not be read.
        """
        return self.known(path) or await self._once((path, "look"), self._find, path)

    async def variant(self, path: str, file: File, coding: str) -> Variant:
        """A file as it is to be sent. If it is open it is held for the caller, who releases it.

        :param path: where it was found.
        :param coding: one that it has or that can be made; none is ``""``.
        :raises OSError: if it cannot be read.
        """
        if (known := file.variants.get(coding)) is not None:
            if not isinstance(known.source, bytes):
                known.source.hold()
            return known
        compressing = coding in file.made
        if compressing or file.size_as(coding) <= SMALL:
            variant: Variant | None = await self._once((path, coding), self._read, path, file, coding)
            if variant is not None:
                return variant
            if compressing:
                return await self.variant(path, file, "")
        variant = await self.run(self._reader.open, file, coding)
        if coding not in file.variants and self._open < MOST_OPEN and not isinstance(variant.source, bytes):
            self._keep_open(file.variants, coding, variant, variant.source)
        return variant

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call in a thread."""
        pool = self._reactor.getThreadPool()
        async with self._threads:
            return await deferToThreadPool(self._reactor, pool, work, *args, **kwargs)

    async def _once(self, key: tuple[str, str], work: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Do something once for all who want the same at the same time."""
        told: Deferred[Any] = Deferred()
        if key in self._awaited:
            self._awaited[key].append(told)
        else:
            self._awaited[key] = [told]
            Deferred.fromCoroutine(work(*args, **kwargs)).addBoth(self._tell, key)
        return await told

    def _tell(self, result: object, key: tuple[str, str]) -> None:
        for told in self._awaited.pop(key):
            told.callback(result)

    async def _find(self, path: str) -> File | Folder | None:
        found = await self.run(self._reader.look, path)
        before = self._entries.get(path)
        new, old = _file_of(found), _file_of(before.found) if before else None
        if new and old and new.is_as(old):
            new.variants, new.made = old.variants, old.made
        if found is not None:
            self._put(path, found)
        elif before is not None:
            self._drop(path)
        return found

    def _keep_open(self, variants: dict[str, Variant], coding: str, variant: Variant, source: Opened) -> None:
        """Keep a file open for a moment, in which others may ask for it."""
        self._open += 1
        source.hold()
        variants[coding] = variant
        self._reactor.callLater(FRESH, self._let_go, variants, coding, source)

    def _let_go(self, variants: dict[str, Variant], coding: str, source: Opened) -> None:
        self._open -= 1
        del variants[coding]
        source.release()

    async def _read(self, path: str, file: File, coding: str) -> Variant | None:
        variant = await self.run(self._reader.read, file, coding)
        if variant is not None and abs(self._reactor.seconds() - variant.stamp[0] / 1e9) >= SETTLED:
            file.variants[coding] = variant
        elif variant is None and coding in file.made:
            file.made.remove(coding)
        entry = self._entries.get(path)
        if entry is not None and _file_of(entry.found) is file:
            self._put(path, entry.found, entry.until)
        return variant

    def _put(self, path: str, found: File | Folder, until: float | None = None) -> None:
        if path in self._entries:
            self._drop(path)
        file = _file_of(found)
        sources = [variant.source for variant in file.variants.values()] if file else []
        size = OVERHEAD + sum(len(source) for source in sources if isinstance(source, bytes))
        self._entries[path] = _Entry(found, until or self._reactor.seconds() + FRESH, size)
        self._size += size
        while self._size > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, path: str) -> None:
        self._size -= self._entries.pop(path).size


def _file_of(found: File | Folder | None) -> File | None:
    return found.index if isinstance(found, Folder) else found
