"""Reactors to run tests on: fresh ones, never installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.epollreactor import EPollReactor

from netforge.reactor import ForgeReactor

__all__ = ["REACTORS", "fresh_reactors"]

REACTORS = ("epoll", "asyncio", "forge")


@contextmanager
def fresh_reactors(name: str) -> Iterator[Callable[[], Any]]:
    """Makes reactors of a name; when it is left, the loops beneath them are closed."""
    loops: list[asyncio.AbstractEventLoop] = []

    def make() -> Any:
        match name:
            case "epoll":
                return EPollReactor()
            case "asyncio":
                loops.append(asyncio.new_event_loop())
                return AsyncioSelectorReactor(loops[-1])
            case "forge":
                reactor = ForgeReactor()
                loops.append(reactor.loop)
                return reactor
        raise LookupError(f"{name} is none of {', '.join(REACTORS)}")

    try:
        yield make
    finally:
        for loop in loops:
            loop.close()
