"""``Context``: what the host gives a service besides its settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop
from collections.abc import Callable, Hashable
from pathlib import Path
from random import Random
from typing import TypeVar

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUDP,
    IReactorUNIX,
)
from twisted.logger import Logger

__all__ = ["Context", "IReactor"]

T = TypeVar("T")


class IReactor(
    IReactorCore,
    IReactorTime,
    IReactorTCP,
    IReactorUDP,
    IReactorUNIX,
    IReactorThreads,
    IReactorPluggableNameResolver,
):
    """What a service may ask of its reactor, wherever it runs: on real sockets or on the simulated network."""


class Context(ABC):
    """The surroundings of one service."""

    #: The service's name in the settings file.
    name: str
    #: The reactor that the service runs on.
    reactor: IReactor
    #: Time. ``clock.seconds()`` is Unix time; ``clock.callLater`` takes seconds.
    clock: IReactorTime
    #: The source of randomness; seeded under test.
    random: Random
    #: Writes log events under the service's name.
    log: Logger

    @property
    @abstractmethod
    def loop(self) -> AbstractEventLoop:
        """The asyncio loop that runs on the reactor: a real one on netforge's reactor and on Twisted's asyncio reactor.

        On the others, and on the simulated network, it has time, tasks, futures and threads, and its methods for
        sockets, processes and signals raise :exc:`NotImplementedError`, which says which reactor to choose. There it
        is the running loop only in what it calls itself: elsewhere pass it on, as ``loop=context.loop``.
        """

    @property
    @abstractmethod
    def state(self) -> Path:
        """A folder for this service alone, made at the first use with mode 0700, that outlives restarts.

        :raises OSError: if it cannot be made.
        """

    @abstractmethod
    def __getitem__(self, interface: type[T]) -> T:
        """The shared component behind an interface that the service needs.

        :raises LookupError: if the service did not declare the need; says what to add.
        """

    @abstractmethod
    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """An object that outlives reloads, such as the rooms of a chat: made once, then the same for every instance
        of this service until the service leaves the settings file or the host stops.

        :param key: names the object within the service.
        :param make: makes it at the first call.
        """
