"""The limit of all connections of a listener."""

from __future__ import annotations

import pytest

from netforge.shared.layers.limits.total import Total


@pytest.fixture
def told() -> list[bool]:
    return []


def filled(limit: int, told: list[bool]) -> Total:
    total = Total()
    total.limit(limit, told.append)
    for _ in range(limit):
        assert not total.full
        total.enter()
    return total


def test_the_port_is_held_at_the_limit_and_released_when_a_twentieth_is_free(told: list[bool]) -> None:
    total = filled(100, told)
    assert total.full
    assert told == [True]
    for _ in range(4):
        total.leave()
    assert told == [True]
    total.leave()
    assert told == [True, False]


def test_a_small_limit_is_released_by_one(told: list[bool]) -> None:
    total = filled(1, told)
    total.leave()
    assert told == [True, False]


def test_without_a_limit_it_is_never_full(told: list[bool]) -> None:
    total = filled(0, told)
    for _ in range(1000):
        total.enter()
    assert not total.full
    assert told == []


def test_a_new_limit_takes_over_what_there_is(told: list[bool]) -> None:
    total = filled(10, told)
    later: list[bool] = []
    total.limit(20, later.append)
    assert (told, later) == ([True, False], [])
    total.limit(5, later.append)
    assert later == [True]
    for _ in range(5):
        total.leave()
    assert (total.full, later) == (True, [True])
    total.limit(0, later.append)
    assert later == [True, False]
