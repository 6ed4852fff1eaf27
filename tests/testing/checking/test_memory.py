"""What memory is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from netforge.protocols.echo import EchoFactory
from netforge.testing import CheckFailed, Network
from netforge.testing.checking import check_memory
from netforge.testing.checking.sizes import held_by

SIZE = 1_000_000
ELSEWHERE = bytearray(SIZE)


class Holding:
    """Something with attributes, and without a dictionary of them."""

    __slots__ = ("held",)

    def __init__(self, held: object) -> None:
        self.held = held

    def method(self) -> None:
        """To be bound."""


def in_closure(held: object) -> Callable[[], object]:
    return lambda: held


def in_generator(held: object) -> Any:
    generator = (held for _ in range(2))
    next(generator)
    return generator


@pytest.mark.parametrize(
    "hold",
    [
        lambda held: held,
        lambda held: [held],
        lambda held: {1: held},
        lambda held: deque([held]),
        memoryview,
        lambda held: partial(print, held),
        lambda held: Holding(held).method,
        in_closure,
        in_generator,
    ],
)
def test_what_can_be_reached_is_counted_once(hold: Callable[[bytearray], object]) -> None:
    held = hold(bytearray(SIZE))
    assert SIZE < held_by(held, held)["bytearray"] < SIZE + 100


def test_what_belongs_to_others_is_not_counted() -> None:
    def using_globals() -> bytearray:
        return ELSEWHERE

    network = Network()
    network.machine("a").reactor.held = bytearray(SIZE)  # type: ignore[attr-defined]  # whatever it may hold
    assert "bytearray" not in held_by(using_globals, Network, pytest, network, network.machine("a").reactor)


def test_what_is_sent_is_not_held() -> None:
    check_memory(EchoFactory, b"", b"hello", reads=True)


def test_what_is_not_sent_is_held() -> None:
    with pytest.raises(CheckFailed, match="the transport's buffer"):
        check_memory(EchoFactory, b"", b"hello", reads=False, limit=10_000)
