"""What holds of every bus."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.logger import LogEvent
from zope.interface.verify import verifyObject

from netforge.plugin import IBus, ISubscription
from netforge.shared.bus.topics import LARGEST_MESSAGE
from tests.shared.bus.conftest import Scenario, Station

OnEach = Callable[[Scenario], None]


def test_it_is_a_bus_and_gives_subscriptions(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        assert verifyObject(IBus, station.bus)
        assert verifyObject(ISubscription, await station.subscribe("a"))

    on_each(scenario)


def test_everyone_on_a_topic_receives_in_the_order_of_publication(on_each: OnEach) -> None:
    messages = [str(number).encode() for number in range(1000)]

    async def scenario(station: Station) -> None:
        for name in ("a", "b"):
            await station.subscribe(name)
        await station.subscribe("c", topic="other")
        for message in messages:
            station.bus.publish("topic", message)
        await station.bus.publish("other", b"\0\xff\r\n")
        await station.rest()
        for name in ("a", "b"):
            assert [message for who, message in station.received if who == name] == messages
        assert [message for who, message in station.received if who == "c"] == [b"\0\xff\r\n"]

    on_each(scenario)


def test_delivery_is_never_within_publish(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        await station.subscribe("a")
        published = station.bus.publish("topic", b"1")
        assert station.received == []
        await published
        await station.rest()
        assert station.received == [("a", b"1")]

    on_each(scenario)


def test_a_subscriber_receives_nothing_that_was_published_before(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        await station.bus.publish("topic", b"1")
        await station.subscribe("a")
        await station.bus.publish("topic", b"2")
        await station.subscribe("b")
        await station.bus.publish("topic", b"3")
        await station.rest()
        assert station.received == [("a", b"2"), ("a", b"3"), ("b", b"3")]

    on_each(scenario)


def test_who_has_cancelled_receives_not_even_what_was_published(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        subscription = await station.subscribe("a")
        await station.subscribe("b")
        station.bus.publish("topic", b"1")
        subscription.cancel()
        subscription.cancel()
        await station.rest()
        assert station.received == [("b", b"1")]

    on_each(scenario)


def test_a_topic_can_be_left_and_joined_again_at_once(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        (await station.subscribe("a")).cancel()
        joining = station.subscribe("b")
        await joining
        (await station.subscribe("c")).cancel()
        await station.bus.publish("topic", b"1")
        await station.rest()
        assert station.received == [("b", b"1")]

    on_each(scenario)


def test_who_gives_up_subscribing_receives_nothing(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        subscribing = station.bus.subscribe("topic", lambda message: station.received.append(("a", message)))
        if subscribing.called:
            return  # too late to give up
        subscribing.addErrback(lambda failure: None).cancel()
        await station.bus.publish("topic", b"1")
        await station.rest()
        assert station.received == []

    on_each(scenario)


def test_what_a_subscriber_raises_is_logged_and_the_others_are_served(on_each: OnEach, events: list[LogEvent]) -> None:
    def fail(message: bytes) -> None:
        raise ValueError("no")

    async def scenario(station: Station) -> None:
        await station.subscribe("a", also=fail)
        await station.subscribe("b")
        await station.bus.publish("topic", b"1")
        await station.bus.publish("topic", b"2")
        await station.rest()
        assert station.received == [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", b"2")]

    on_each(scenario)
    failures = [event["log_failure"] for event in events if "log_failure" in event]
    assert [failure.type for failure in failures] == [ValueError, ValueError]


def test_a_subscriber_may_publish(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        await station.subscribe("a", also=lambda message: message == b"1" and station.bus.publish("topic", b"2"))
        await station.bus.publish("topic", b"1")
        await station.until(lambda: len(station.received) == 2)
        assert station.received == [("a", b"1"), ("a", b"2")]

    on_each(scenario)


def test_a_message_has_at_most_one_mebibyte(on_each: OnEach) -> None:
    async def scenario(station: Station) -> None:
        await station.subscribe("a")
        await station.bus.publish("topic", bytes(LARGEST_MESSAGE))
        with pytest.raises(ValueError, match="at most 1048576 bytes, not 1048577"):
            station.bus.publish("topic", bytes(LARGEST_MESSAGE + 1))
        await station.rest()
        assert station.received == [("a", bytes(1024 * 1024))]

    on_each(scenario)
