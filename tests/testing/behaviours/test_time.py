"""The reactor's clock, and what it calls when."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004  Twisted's
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.task import LoopingCall, deferLater

from tests.testing.behaviours.recording import BrokenError, Diary
from tests.testing.behaviours.worlds import World


async def test_calls_happen_in_the_order_of_their_times(world: World) -> None:
    diary = Diary(world.client)
    delays = (0.003, 0.001, 0.002, 0)
    # These times are in the order of the delays, unless this process is held up between two of them.
    times = [world.client.callLater(delay, diary.note, number).getTime() for number, delay in enumerate(delays)]
    await diary.until(lambda: len(diary.events) == 4)
    assert [times[number] for (number,) in diary.events] == sorted(times)


async def test_the_clock_has_advanced_when_a_call_happens(world: World) -> None:
    before = world.client.seconds()
    assert await deferLater(world.client, 0.01, world.client.seconds) >= before + 0.01


async def test_a_call_for_now_happens_later(world: World) -> None:
    diary = Diary(world.client)
    world.client.callLater(0, diary.note, "called")
    assert diary.events == []
    await diary.happened("called")


async def test_a_call_for_now_that_calls_again_lets_others_in(world: World) -> None:
    diary = Diary(world.client)

    def again(times: int) -> None:
        diary.note("again")
        if times:
            world.client.callLater(0, again, times - 1)

    world.client.callLater(0, again, 3)
    world.client.callLater(0, diary.note, "other")
    await diary.happened("again", times=4)
    assert diary.events == [("again",), ("other",), ("again",), ("again",), ("again",)]


async def test_a_call_can_be_cancelled(world: World) -> None:
    diary = Diary(world.client)
    call = world.client.callLater(0, diary.note, "cancelled")
    world.client.callLater(0.001, diary.note, "called")
    assert call.active()
    call.cancel()
    assert not call.active()
    await diary.happened("called")
    assert diary.events == [("called",)]
    with pytest.raises(AlreadyCancelled):
        call.cancel()


async def test_a_call_that_has_happened_cannot_be_cancelled(world: World) -> None:
    diary = Diary(world.client)
    call = world.client.callLater(0, diary.note, "called")
    await diary.happened("called")
    with pytest.raises(AlreadyCalled):
        call.cancel()


async def test_a_call_can_be_put_off_and_brought_forward(world: World) -> None:
    diary = Diary(world.client)
    first, second, third = (world.client.callLater(0.002, diary.note, word) for word in ("first", "second", "third"))
    before = first.getTime(), world.client.seconds()
    first.delay(0.006)
    second.reset(0.004)
    third.reset(0)
    times = {"first": first.getTime(), "second": second.getTime(), "third": third.getTime()}
    assert times["first"] == pytest.approx(before[0] + 0.006, abs=1e-9)
    assert times["second"] >= before[1] + 0.004
    assert times["third"] >= before[1]
    await diary.until(lambda: len(diary.events) == 3)
    assert [times[word] for (word,) in diary.events] == sorted(times.values())


async def test_calls_that_wait_are_listed(world: World) -> None:
    calls = [world.client.callLater(delay, print) for delay in (50, 60)]
    listed = world.client.getDelayedCalls()
    assert [call in listed for call in calls] == [True, True]
    calls[0].cancel()
    assert calls[0] not in world.client.getDelayedCalls()
    assert 59 < calls[1].getTime() - world.client.seconds() <= 60
    calls[1].cancel()


async def test_a_call_that_fails_is_logged_and_stops_nobody(world: World) -> None:
    def fail() -> None:
        raise BrokenError

    diary = Diary(world.client)
    world.client.callLater(0, fail)
    world.client.callLater(0, diary.note, "next")
    await diary.happened("next")
    assert len(world.flush(BrokenError)) == 1


async def test_a_call_in_the_past_is_an_error(world: World) -> None:
    with pytest.raises((AssertionError, ValueError)):
        world.client.callLater(-1, print)


async def test_a_looping_call_keeps_its_interval(world: World) -> None:
    moments: list[float] = []

    def call() -> None:
        moments.append(world.client.seconds())
        if len(moments) == 4:
            looping.stop()

    looping = LoopingCall(call)
    looping.clock = world.client
    await looping.start(0.005)
    assert len(moments) == 4
    assert moments[3] - moments[0] >= 0.015 - 1e-6


async def test_a_deferred_times_out(world: World) -> None:
    with pytest.raises(TimeoutError):
        await Deferred[None]().addTimeout(0.005, world.client)


async def test_what_is_to_be_called_when_running_is_called_at_once_then(world: World) -> None:
    diary = Diary(world.client)
    world.client.callWhenRunning(diary.note, "called")
    assert diary.events == [("called",)]
    assert world.client.running


def test_what_is_to_be_called_when_running_waits_until_then(world: World) -> None:
    called: list[str] = []
    for reactor in (world.server, world.client):
        reactor.callWhenRunning(called.append, "called")
    assert called == []

    async def body() -> None:
        assert called == ["called"] * 2

    world.run(body())


async def test_triggers_are_called_in_their_phases_each_after_the_last_is_done(world: World) -> None:
    diary = Diary(world.client)
    reactor = world.client
    for phase in ("after", "during"):
        reactor.addSystemEventTrigger(phase, "parade", diary.note, phase)
    reactor.addSystemEventTrigger("before", "parade", deferLater, reactor, 0.001, diary.note, "before")
    removed = reactor.addSystemEventTrigger("before", "parade", diary.note, "removed")
    reactor.removeSystemEventTrigger(removed)
    reactor.fireSystemEvent("parade")
    await diary.happened("after")
    assert diary.events == [("before",), ("during",), ("after",)]


def test_triggers_of_the_shutdown_are_called_in_the_end(world: World) -> None:
    called: list[str] = []
    for phase in ("after", "during", "before"):
        world.client.addSystemEventTrigger(phase, "shutdown", called.append, phase)

    async def body() -> None:
        assert called == []

    world.run(body())
    world.close()
    assert called == ["before", "during", "after"]
    assert not world.client.running
