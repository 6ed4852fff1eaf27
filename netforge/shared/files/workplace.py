"""``Workplace``: where the calls of a store are made, which block."""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.plugin import QuotaExceeded
from netforge.shared.files.store import Store

__all__ = ["Run", "Workplace", "given"]

log = Logger()

T = TypeVar("T")
P = ParamSpec("P")


class Run(Protocol):
    """How calls are made: in threads, or at once where they do not block."""

    def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Fires with what the call returned, in the thread of the reactor."""
        ...


class Workplace:
    """A store with what its trees share.

    :param place: what it is called in the log.
    :param store: what does the work.
    :param run: how its calls are made.
    """

    def __init__(self, place: str, store: Store, run: Run) -> None:
        self.store = store
        self.run = run
        self._place = place
        self._counting = DeferredLock()
        self._counted = False
        self._full = False

    async def count(self) -> None:
        """Have the store count its files, unless it has.

        :raises OSError: if it cannot.
        """
        async with self._counting:
            if not self._counted:
                await self.run(self.store.count)
                self._counted = True

    async def change(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call that changes something, once the files are counted. Of a full disk the log is told once."""
        if not self._counted:
            await self.count()
        try:
            return await self.run(work, *args, **kwargs)
        except QuotaExceeded as error:
            if error.errno == errno.ENOSPC:
                self._has_no_room()
            raise

    def _has_no_room(self) -> None:
        if not self._full:
            self._full = True
            log.error("{place}: the disk is full, so nothing can be written", place=self._place)

    def has_room(self) -> None:
        """Note that something was written to the end."""
        if self._full:
            self._full = False
            log.info("{place}: the disk has room again", place=self._place)


def given(work: Coroutine[Any, Any, T], drop: Callable[[T], object] = lambda result: None) -> Deferred[T]:
    """Some work for others, who may cancel it. A thread cannot be cancelled: it ends its work, and so does this.

    :param drop: called with the result if nobody wants it any more.
    """
    promised: Deferred[T] = Deferred()

    def done(result: T | Failure) -> None:
        if not promised.called:
            promised.callback(result)
        elif not isinstance(result, Failure):
            drop(result)

    Deferred.fromCoroutine(work).addBoth(done)
    return promised
