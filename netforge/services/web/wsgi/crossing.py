"""The way from threads to the reactor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

__all__ = ["Cross", "Crossing"]

log = Logger()

#: Has the reactor make a call; for threads.
Cross = Callable[..., None]


class Crossing:
    """Calls that threads have the reactor make, in their order. However many there are, it is woken once.

    What a call raises goes into the log.

    :param reactor: whose thread makes the calls.
    """

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self._reactor = reactor
        self._calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._woken = False

    def cross(self, call: Callable[..., object], *arguments: object) -> None:
        """Have a call made."""
        self._calls.append((call, arguments))
        # Two threads may both find it asleep, which does no harm.
        if not self._woken:
            self._woken = True
            self._reactor.callFromThread(self._arrive)

    def _arrive(self) -> None:
        # First: whoever adds a call after the last one is taken must see this.
        self._woken = False
        calls = self._calls
        for _ in range(len(calls)):
            call, arguments = calls.popleft()
            try:
                call(*arguments)
            except Exception:
                log.failure("what a thread asked for failed: {call}", call=call)
