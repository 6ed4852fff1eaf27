"""``Files``: which store a place has, and the threads that its calls are made in."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, execute
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from netforge.plugin import IFiles, IFileTree, IReactor
from netforge.shared.files.folder import Folder
from netforge.shared.files.memory import Memory
from netforge.shared.files.stamps import Stamps
from netforge.shared.files.tree import FileTree
from netforge.shared.files.workplace import Workplace

__all__ = ["Files"]

log = Logger()

T = TypeVar("T")
P = ParamSpec("P")


@implementer(IFiles)
class Files:
    """Opens trees. Those of one place share what there is to know of it.

    :param reactor: whose thread the Deferreds fire in.
    :param random: for temporary names.
    :param memories: the trees in memory, by their names.
    :param threads: how many threads there are at most.
    """

    def __init__(self, reactor: IReactor, random: Random, memories: dict[str, Memory], threads: int) -> None:
        self._reactor = reactor
        self._random = random
        self._memories = memories
        self._threads = threads
        self._stamps = Stamps(reactor)
        self._workplaces: WeakValueDictionary[str, Workplace] = WeakValueDictionary()
        self._pool = ThreadPool(0, threads, "files")

    def start(self) -> None:
        """Start the threads, when there is work for them."""
        if self._pool.joined:
            self._pool = ThreadPool(0, self._threads, "files")
        self._pool.start()

    def stop(self) -> Deferred[None]:
        """End the threads, once they have done what they were asked."""
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._pool.stop)

    def tree(self, place: str, *, quota: int | None = None) -> IFileTree:
        """See :meth:`netforge.plugin.IFiles.tree`."""
        place = _spelt(place)
        workplace = self._workplaces.get(place)
        if workplace is None:
            self._workplaces[place] = workplace = self._workplace(place)
            # At once, so that what a crash has left goes even if nobody writes. Who writes waits for it, and tries it
            # again if it has failed.
            Deferred.fromCoroutine(workplace.count()).addErrback(
                partial(log.failure, "{place}: the files cannot be counted", place=place)
            )
        return FileTree(workplace, quota)

    def _workplace(self, place: str) -> Workplace:
        if "://" in place:
            if place.startswith(("file://", "local://")):
                raise ValueError(f"{place}: give a folder of this computer by its path, such as /srv/files")
            from netforge.shared.files.remote import Remote  # noqa: PLC0415  not many need it

            return Workplace(place, Remote(place), self._in_thread)
        if place.startswith("memory:"):
            name = place.removeprefix("memory:")
            if name not in self._memories:
                self._memories[name] = Memory(self._stamps)
            return Workplace(place, self._memories[name], _at_once)
        return Workplace(place, Folder(Path(place), self._stamps, self._random), self._in_thread)

    def _in_thread(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._pool, work, *args, **kwargs)


def _at_once(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    return execute(work, *args, **kwargs)


def _spelt(place: str) -> str:
    """One spelling for each place.

    :raises ValueError: if it is none.
    """
    if "://" in place or place.startswith("memory:"):
        return place
    if not Path(place).is_absolute():
        raise ValueError(f"{place}: expected an absolute folder, memory:NAME, or a URL")
    return os.path.realpath(place)
