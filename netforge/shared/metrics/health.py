"""Checks of whether what runs can do its work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import IHealth

__all__ = ["Health"]

#: Seconds that a check may take.
PATIENCE = 1.0

Check = Callable[[], Awaitable[object] | object]


@implementer(IHealth)
class Health:
    """The checks of a host, by the names of what they check.

    :param clock: measures how long they take.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._checks: dict[str, dict[object, Check]] = {}

    def watch(self, name: str, check: Check) -> Callable[[], None]:
        """See :meth:`netforge.plugin.IHealth.watch`."""
        mark = object()
        self._checks.setdefault(name, {})[mark] = check

        def end() -> None:
            checks = self._checks.get(name, {})
            checks.pop(mark, None)
            if not checks:
                self._checks.pop(name, None)

        return end

    async def look(self) -> Mapping[str, str]:
        """Make every check, all at once; see :meth:`netforge.plugin.IReadings.health`."""
        names = list(self._checks)
        # The latest of a name: what a reload has replaced may live on a while, and no longer matters.
        asked = [self._ask(list(self._checks[name].values())[-1]) for name in names]
        return dict(zip(names, await gatherResults(asked), strict=True))

    def _ask(self, check: Check) -> Deferred[str]:
        """What is wrong; empty if nothing is."""
        asking: Deferred[Any] = Deferred.fromCoroutine(_made(check)).addTimeout(PATIENCE, self._clock, _too_late)
        return asking.addCallbacks(lambda _: "", _reason)


async def _made(check: Check) -> None:
    result = check()
    if asyncio.isfuture(result):
        await Deferred.fromFuture(result)
    elif isawaitable(result):
        await result


def _too_late(result: object, seconds: float) -> None:
    raise TimeoutError(f"no answer within {seconds:g} s")


def _reason(failure: Failure) -> str:
    # One line, whatever it says: it is shown to others.
    return " ".join(f"{type(failure.value).__name__}: {failure.getErrorMessage()}".split())
