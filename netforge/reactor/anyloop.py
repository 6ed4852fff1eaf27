"""``loop_of``: the asyncio loop of any reactor."""

from __future__ import annotations

from asyncio import AbstractEventLoop, get_running_loop
from weakref import WeakKeyDictionary

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.interfaces import IReactorTime

from netforge.reactor.reactorloop import ReactorLoop

__all__ = ["loop_of"]

_loops: WeakKeyDictionary[IReactorTime, AbstractEventLoop] = WeakKeyDictionary()


def loop_of(reactor: IReactorTime) -> AbstractEventLoop:
    """The asyncio loop that runs on a reactor: the real one of an asyncio reactor, such as ours, and else a
    :class:`~netforge.reactor.reactorloop.ReactorLoop`; the same at every call.

    :raises RuntimeError: an asyncio reactor does not run yet, or this is not its thread.
    """
    if isinstance(reactor, AsyncioSelectorReactor):
        return get_running_loop()
    if reactor not in _loops:
        _loops[reactor] = ReactorLoop(reactor)  # type: ignore[abstract]  # what it lacks it refuses
    return _loops[reactor]
