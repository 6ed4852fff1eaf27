"""One subscription for a hub, while instances of the service come and go."""

from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, formatEvent

from netforge.services.chat.events import Event
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Limits
from netforge.services.chat.uplink import Term, Uplink
from netforge.shared.bus import InProcessBus


class Buses:
    """A hub with an uplink, and somebody in a room of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.hub = Hub(self.clock.seconds, random.Random(1))
        self.uplink = Uplink(self.hub, "chat.test", Logger())
        self.heard: list[Event] = []

    def bus(self) -> InProcessBus:
        return InProcessBus(self.clock)

    def begin(self, bus: Any, history: int = 0) -> Term:
        term = Term(bus, Limits(history=history))
        done(self.uplink.begin(term))
        return term

    def enter(self) -> None:
        self.member = self.hub.enter(self.heard.append)
        self.hub.join(self.member, "lobby")

    def hears(self) -> list[str]:
        self.clock.advance(0)
        heard, self.heard[:] = self.heard[:], []
        return [event.type for event in heard]


def done(awaitable: Any) -> Any:
    results: list[Any] = []
    Deferred.fromCoroutine(awaitable).addBoth(results.append)
    [result] = results
    if result is not None:
        result.raiseException()


@pytest.fixture
def buses() -> Buses:
    return Buses()


def test_the_latest_term_is_in_force_until_it_ends(buses: Buses) -> None:
    bus = buses.bus()
    first = buses.begin(bus, 1)
    buses.enter()
    assert buses.hears() == ["joined"]
    second = buses.begin(bus, 2)
    assert buses.hub.limits.history == 2
    buses.hub.say(buses.member, "lobby", "heard once")
    assert buses.hears() == ["said"]
    done(buses.uplink.end(second))
    assert buses.hub.limits.history == 1
    done(buses.uplink.begin(second))
    done(buses.uplink.end(first))
    assert buses.hub.limits.history == 2
    buses.hub.say(buses.member, "lobby", "heard once")
    assert buses.hears() == ["said"]


def test_what_is_on_its_way_at_a_reload_arrives(buses: Buses) -> None:
    bus = buses.bus()
    first = buses.begin(bus)
    buses.enter()
    second = buses.begin(bus)
    done(buses.uplink.end(first))
    assert buses.hears() == ["joined"]
    done(buses.uplink.end(second))


def test_another_bus_takes_the_place_of_the_one_before(buses: Buses) -> None:
    old, new = buses.bus(), buses.bus()
    first = buses.begin(old)
    buses.enter()
    buses.hears()
    second = buses.begin(new)
    buses.hub.say(buses.member, "lobby", "hello")
    assert buses.hears() == ["said"]
    old.publish("chat.test", b"nobody receives this, so nobody fails at it")
    buses.clock.advance(0)
    done(buses.uplink.end(second))
    buses.hub.say(buses.member, "lobby", "hello")
    assert buses.hears() == ["said"]
    done(buses.uplink.end(first))


def test_after_the_last_term_nothing_is_published_or_received(buses: Buses) -> None:
    bus = buses.bus()
    term = buses.begin(bus)
    buses.enter()
    done(buses.uplink.end(term))
    buses.hub.leave(buses.member)
    assert buses.hears() == []
    assert buses.clock.getDelayedCalls() == []


class Broken:
    """A bus that cannot be reached when it matters."""

    def __init__(self, *, subscribes: bool) -> None:
        self._subscribes = subscribes

    def subscribe(self, topic: str, receive: object) -> Deferred[Any]:
        return succeed(None) if self._subscribes else fail(ConnectionError("no bus"))

    def publish(self, topic: str, message: bytes) -> Deferred[Any]:
        return fail(ConnectionError("no bus"))


def test_a_bus_that_cannot_be_reached_changes_nothing(buses: Buses) -> None:
    term = buses.begin(buses.bus(), 1)
    buses.enter()
    with pytest.raises(ConnectionError, match="no bus"):
        buses.begin(Broken(subscribes=False), 2)
    assert buses.hub.limits.history == 1
    assert buses.hears() == ["joined"]
    done(buses.uplink.end(term))


def test_what_the_bus_did_not_take_is_logged(buses: Buses, events: list[LogEvent]) -> None:
    buses.begin(Broken(subscribes=True))
    buses.enter()
    [event] = [event for event in events if "log_failure" in event]
    assert formatEvent(event) == "what was said is lost: the bus did not take it"
    assert str(event["log_failure"].value) == "no bus"
