"""Checks: how they are made, what they may be, and how long they may take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock, deferLater
from zope.interface.verify import verifyObject

from netforge.plugin import IHealth
from netforge.shared.metrics.health import Health


class Ward:
    """Checks that are made on a virtual clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health(cast(IReactorTime, self.clock))
        self.watch = self.health.watch

    def look(self, wait: float = 0) -> Mapping[str, str]:
        looking = Deferred.fromCoroutine(cast(Any, self.health.look()))
        if wait:
            self.clock.advance(wait)
        results: list[Any] = []
        looking.addBoth(results.append)
        [result] = results
        assert self.clock.getDelayedCalls() == []
        return cast(Mapping[str, str], result)


@pytest.fixture
def ward() -> Ward:
    return Ward()


def refuse() -> None:
    raise OSError("the disk\nis full")


async def refuse_late() -> None:
    await succeed(None)
    refuse()


def test_it_is_health(ward: Ward) -> None:
    assert verifyObject(IHealth, ward.health)


def test_without_checks_nothing_is_wrong(ward: Ward) -> None:
    assert ward.look() == {}


def test_a_check_is_a_value_a_deferred_or_a_coroutine(ward: Ward) -> None:
    async def fine() -> None:
        await succeed(None)

    ward.watch("value", lambda: False)
    ward.watch("deferred", lambda: succeed(None))
    ward.watch("coroutine", fine)
    assert ward.look() == {"value": "", "deferred": "", "coroutine": ""}


def test_what_is_wrong_is_said_in_one_line(ward: Ward) -> None:
    ward.watch("value", refuse)
    ward.watch("deferred", lambda: fail(OSError("the disk is full")))
    ward.watch("coroutine", refuse_late)
    ward.watch("fine", lambda: None)
    wrong = "OSError: the disk is full"
    assert ward.look() == {"value": wrong, "deferred": wrong, "coroutine": wrong, "fine": ""}


def test_an_asyncio_future_is_waited_for(ward: Ward) -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    ward.watch("future", lambda: future)
    looking = Deferred.fromCoroutine(cast(Any, ward.health.look()))
    future.set_exception(OSError("gone"))
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    loop.close()
    results: list[Any] = []
    looking.addBoth(results.append)
    assert results == [{"future": "OSError: gone"}]


def test_a_check_has_a_second_while_the_others_are_made(ward: Ward) -> None:
    ward.watch("slow", lambda: deferLater(cast(Any, ward.clock), 0.9))
    ward.watch("stuck", Deferred)
    assert ward.look(wait=1.0) == {"slow": "", "stuck": "TimeoutError: no answer within 1 s"}


def test_the_latest_of_a_name_counts_until_it_ends(ward: Ward) -> None:
    ward.watch("a", refuse)
    end = ward.watch("a", lambda: None)
    assert ward.look() == {"a": ""}
    end()
    assert ward.look() == {"a": "OSError: the disk is full"}


def test_what_is_no_longer_watched_is_not_checked(ward: Ward) -> None:
    end = ward.watch("a", refuse)
    end()
    end()
    assert ward.look() == {}
