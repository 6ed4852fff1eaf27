"""A listener for the layers, without a host: with a clock, and with what it would be told written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger

from netforge.plugin import Address, Context, IMetrics, Listener, Stream, parse_address
from netforge.shared.layers.limits.memory import IMemory

T = TypeVar("T")


class Numbers:
    """Metrics that count by name and labels."""

    def __init__(self) -> None:
        self.values: Counter[tuple[str, ...]] = Counter()

    def counter(self, name: str, description: str, labels: Any = ()) -> Number:
        return Number(self, name)

    gauge = histogram = counter


class Number:
    """One of them."""

    def __init__(self, numbers: Numbers, *key: str) -> None:
        self._values, self._numbers, self._key = numbers.values, numbers, key

    def labels(self, *values: str) -> Number:
        return Number(self._numbers, *self._key, *values)

    def inc(self, amount: float = 1) -> None:
        self._values[self._key] += int(amount)

    def set(self, value: float) -> None:
        self._values[self._key] = int(value)


class Memory:
    """Memory that is short when a test says so."""

    def __init__(self) -> None:
        self.holds: list[Callable[[bool], object]] = []

    def watch(self, hold: Callable[[bool], object]) -> Callable[[], None]:
        self.holds.append(hold)
        return lambda: self.holds.remove(hold)


class Surroundings:
    """What the layers use of a context, and of a listener.

    :param clock: tells the time; one of its own if left out.
    :ivar held: the reasons for which the port is held.
    """

    name = "service"

    def __init__(self, clock: Any = None) -> None:
        self.clock = clock or Clock()
        self.log = Logger(namespace="netforge.service")
        self.numbers = Numbers()
        self.memory = Memory()
        self.kept: dict[Hashable, Any] = {}
        self.held: set[Hashable] = set()

    def __getitem__(self, interface: Any) -> Any:
        return {IMetrics: self.numbers, IMemory: self.memory}[interface]

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        kept: T = self.kept.setdefault(key, make())
        return kept

    def hold(self, reason: Hashable, hold: bool) -> None:
        (self.held.add if hold else self.held.discard)(reason)

    def listener(self, address: str = "tcp:0.0.0.0:7") -> Listener:
        parsed: Address = parse_address(address)
        return Listener(parsed, cast(Stream, None), cast(Context, self), self.hold)


@pytest.fixture
def surroundings() -> Surroundings:
    surroundings = Surroundings()
    surroundings.clock.advance(1_767_225_600)
    return surroundings
