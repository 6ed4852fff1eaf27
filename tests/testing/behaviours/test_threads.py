"""Threads, and what passes between them and the reactor."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThreadPool

from tests.testing.behaviours.recording import BrokenError, Diary
from tests.testing.behaviours.worlds import World


def in_thread(world: World, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
    return deferToThreadPool(world.client, world.client.getThreadPool(), function, *arguments)


async def test_a_thread_returns_its_result_to_the_reactor(world: World) -> None:
    reactor_thread = get_ident()
    thread = await in_thread(world, get_ident)
    assert thread != reactor_thread
    assert get_ident() == reactor_thread


async def test_a_thread_raises_its_error_in_the_reactor(world: World) -> None:
    def fail() -> None:
        raise BrokenError

    with pytest.raises(BrokenError):
        await in_thread(world, fail)


async def test_many_threads_all_return(world: World) -> None:
    results = await gatherResults([in_thread(world, pow, number, 2) for number in range(50)])
    assert results == [number**2 for number in range(50)]


async def test_calls_from_a_thread_happen_in_order_in_the_reactor(world: World) -> None:
    diary = Diary(world.client)

    def call() -> None:
        for number in range(10):
            world.client.callFromThread(lambda number=number: diary.note(number, get_ident()))

    await in_thread(world, call)
    await diary.until(lambda: len(diary.events) == 10)
    assert diary.events == [(number, get_ident()) for number in range(10)]


async def test_calls_from_the_reactor_itself_happen_later(world: World) -> None:
    diary = Diary(world.client)
    world.client.callFromThread(diary.note, "called")
    assert diary.events == []
    await diary.happened("called")


async def test_a_call_from_a_thread_that_fails_is_logged(world: World) -> None:
    def fail() -> None:
        raise BrokenError

    diary = Diary(world.client)
    await in_thread(world, world.client.callFromThread, fail)
    await in_thread(world, world.client.callFromThread, diary.note, "next")
    await diary.happened("next")
    assert len(world.flush(BrokenError)) == 1


async def test_a_thread_can_wait_for_the_reactor(world: World) -> None:
    def answer() -> Deferred[str]:
        return deferLater(world.client, 0.001, lambda: "answer")

    def ask() -> Any:
        # Its types do not see that a Deferred is waited for.
        return blockingCallFromThread(world.client, cast(Any, answer))

    assert await in_thread(world, ask) == "answer"


async def test_a_thread_that_waits_for_the_reactor_gets_its_errors(world: World) -> None:
    async def fail() -> None:
        raise BrokenError

    def ask() -> None:
        blockingCallFromThread(world.client, cast(Any, lambda: Deferred.fromCoroutine(fail())))

    with pytest.raises(BrokenError):
        await in_thread(world, ask)


async def test_a_function_that_nobody_waits_for_is_called_in_a_thread(world: World) -> None:
    diary = Diary(world.client)
    world.client.callInThread(lambda: world.client.callFromThread(diary.note, "called"))
    await diary.happened("called")
