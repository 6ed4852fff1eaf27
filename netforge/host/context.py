"""The context of one service: the host's side of :class:`netforge.plugin.Context`."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from twisted.logger import Logger

from netforge.plugin import Context, IReactor
from netforge.reactor.anyloop import loop_of

__all__ = ["HostContext", "Keepsakes"]

T = TypeVar("T")


class Keepsakes:
    """Objects that outlive reloads, by service, and within it by the plugin or layer that keeps them."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[Hashable, Any]] = {}

    def keep(self, service: str, keeper: str, key: Hashable, make: Callable[[], T]) -> T:
        """See :meth:`netforge.plugin.Context.keep`."""
        kept = self._kept.setdefault(service, {})
        key = (keeper, key)
        if key not in kept:
            kept[key] = make()
        value: T = kept[key]
        return value

    def forget_all_but(self, services: set[str]) -> None:
        """Drop what belongs to services that are no more."""
        for service in self._kept.keys() - services:
            del self._kept[service]


class HostContext(Context):
    """A context.

    :param shared: the components behind the interfaces that may be asked for.
    :param keeper: which plugin or layer it is for: what one keeps, another never gets.
    :param owner: who asks, for messages: ``service 'echo'`` or ``layer 'limits'``.
    """

    def __init__(
        self,
        name: str,
        reactor: IReactor,
        random: Random,
        shared: Mapping[Any, object],
        state: Path,
        keepsakes: Keepsakes,
        keeper: str,
        owner: str,
    ) -> None:
        self.name = name
        self.reactor = reactor
        self.clock = reactor
        self.random = random
        self.log = Logger(namespace=f"netforge.{name}")
        self._shared = shared
        self._state = state
        self._keepsakes = keepsakes
        self._keeper = keeper
        self._owner = owner

    @property
    def loop(self) -> AbstractEventLoop:
        return loop_of(self.reactor)

    @property
    def state(self) -> Path:
        folder = self._state / self.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def __getitem__(self, interface: type[T]) -> T:
        try:
            component = self._shared[interface]
        except KeyError:
            name = interface.__name__
            message = f"{self._owner} asked for {name} without declaring it: add needs=[{name}]"
            raise LookupError(message) from None
        return component  # type: ignore[return-value]  # an Offer is checked against its interface

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        return self._keepsakes.keep(self.name, self._keeper, key, make)
