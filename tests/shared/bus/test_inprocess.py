"""The bus within one process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.logger import LogEvent
from zope.interface.verify import verifyObject

from netforge.plugin import IBus, ISubscription
from netforge.shared.bus import InProcessBus
from netforge.shared.bus.topics import LARGEST_MESSAGE


class Turns(Clock):
    """A clock that runs one turn of the reactor at a time."""

    def turn(self) -> int:
        """Make the calls that are due now, not those that they make due. How many there were."""
        due, self.calls = self.calls, []
        for call in due:
            call.called = True
            call.func(*call.args, **call.kw)
        return len(due)


class Station:
    """A bus, and what its subscribers have received."""

    def __init__(self) -> None:
        self.clock = Turns()
        self.bus = InProcessBus(cast(IReactorTime, self.clock))
        self.received: list[tuple[str, bytes]] = []

    def subscribe(self, name: str, topic: str = "topic", also: Callable[[bytes], object] = len) -> ISubscription:
        def receive(message: bytes) -> None:
            self.received.append((name, message))
            also(message)

        subscription: ISubscription = self.done(self.bus.subscribe(topic, receive))
        return subscription

    def publish(self, *messages: bytes, topic: str = "topic") -> None:
        for message in messages:
            self.done(self.bus.publish(topic, message))

    @staticmethod
    def done(deferred: Any) -> Any:
        results: list[Any] = []
        deferred.addBoth(results.append)
        [result] = results
        return result


@pytest.fixture
def station() -> Station:
    return Station()


def test_it_is_a_bus_and_gives_subscriptions(station: Station) -> None:
    assert verifyObject(IBus, station.bus)
    assert verifyObject(ISubscription, station.subscribe("a"))


def test_everyone_on_a_topic_receives_in_the_order_of_publication(station: Station) -> None:
    station.subscribe("a")
    station.subscribe("b")
    station.subscribe("c", topic="other")
    station.publish(b"1", b"2")
    station.publish(b"3", topic="other")
    station.clock.turn()
    assert station.received == [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", b"2"), ("c", b"3")]


def test_delivery_is_never_within_publish(station: Station) -> None:
    station.subscribe("a")
    station.publish(b"1")
    assert station.received == []


def test_a_subscriber_receives_nothing_that_was_published_before(station: Station) -> None:
    station.publish(b"1")
    station.subscribe("a")
    station.publish(b"2")
    station.subscribe("b")
    station.clock.turn()
    assert station.received == [("a", b"2")]


def test_who_has_cancelled_receives_not_even_what_was_published(station: Station) -> None:
    subscription = station.subscribe("a")
    station.subscribe("b")
    station.publish(b"1")
    subscription.cancel()
    subscription.cancel()
    station.clock.turn()
    assert station.received == [("b", b"1")]


def test_one_function_may_be_subscribed_twice_and_cancelled_once(station: Station) -> None:
    first = station.done(station.bus.subscribe("topic", print_nothing))
    station.done(station.bus.subscribe("topic", print_nothing))
    station.subscribe("a")
    first.cancel()
    first.cancel()
    station.publish(b"1")
    station.clock.turn()
    assert station.received == [("a", b"1")]


def print_nothing(message: bytes) -> None:
    """Receive without a trace."""


def test_a_subscriber_may_cancel_others_and_itself_during_delivery(station: Station) -> None:
    subscriptions: list[ISubscription] = []

    def cancel_all(message: bytes) -> None:
        for subscription in subscriptions:
            subscription.cancel()

    subscriptions += [station.subscribe("a"), station.subscribe("b", also=cancel_all), station.subscribe("c")]
    station.publish(b"1", b"2")
    station.clock.turn()
    assert station.received == [("a", b"1"), ("b", b"1")]


def test_a_subscriber_that_joins_during_delivery_receives_what_comes_after(station: Station) -> None:
    station.subscribe("a", also=lambda message: message == b"1" and station.subscribe("b"))
    station.publish(b"1", b"2")
    station.clock.turn()
    station.publish(b"3")
    station.clock.turn()
    assert station.received == [("a", b"1"), ("a", b"2"), ("a", b"3"), ("b", b"3")]


def test_what_a_subscriber_raises_is_logged_and_the_others_are_served(station: Station, events: list[LogEvent]) -> None:
    def fail(message: bytes) -> None:
        raise ValueError("no")

    station.subscribe("a", also=fail)
    station.subscribe("b")
    station.publish(b"1", b"2")
    station.clock.turn()
    assert station.received == [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", b"2")]
    failures = [event for event in events if "log_failure" in event]
    assert [event["topic"] for event in failures] == ["topic", "topic"]
    assert failures[0]["log_failure"].check(ValueError)


def test_what_a_subscriber_publishes_waits_for_the_next_turn(station: Station) -> None:
    def publish(message: bytes) -> None:
        if message == b"1":
            station.publish(b"2")

    station.subscribe("a", also=publish)
    station.publish(b"1")
    station.clock.turn()
    assert station.received == [("a", b"1")]
    station.clock.turn()
    assert station.received == [("a", b"1"), ("a", b"2")]
    assert station.clock.turn() == 0


def test_an_endless_exchange_takes_one_call_a_turn(station: Station) -> None:
    station.subscribe("a", also=lambda message: station.publish(b"on"))
    station.publish(b"on")
    for _ in range(20):
        assert station.clock.turn() == 1
    assert len(station.received) == 20


def test_a_message_has_at_most_one_mebibyte(station: Station) -> None:
    station.subscribe("a")
    station.publish(bytes(LARGEST_MESSAGE))
    with pytest.raises(ValueError, match="at most 1048576 bytes, not 1048577"):
        station.bus.publish("topic", bytes(LARGEST_MESSAGE + 1))
    station.clock.turn()
    assert [len(message) for _, message in station.received] == [1024 * 1024]


def test_all_that_is_published_in_a_turn_takes_one_call(station: Station) -> None:
    station.subscribe("a")
    station.publish(b"1", b"2", b"3")
    assert [station.clock.turn(), station.clock.turn()] == [1, 0]
    assert len(station.received) == 3


def test_nothing_is_scheduled_where_nobody_listens(station: Station) -> None:
    station.subscribe("a").cancel()
    station.publish(b"1")
    assert station.clock.turn() == 0


class Model:
    """The bus in the fewest words: each message carries who is to have it."""

    def __init__(self) -> None:
        self.places: list[tuple[int, str]] = []
        self.queue: deque[tuple[list[int], bytes]] = deque()
        self.received: list[tuple[int, bytes]] = []

    def turn(self) -> None:
        while self.queue:
            numbers, message = self.queue.popleft()
            standing = [number for number, _ in self.places]
            self.received += [(number, message) for number in numbers if number in standing]


TOPICS = st.sampled_from("ab")
STEPS = st.one_of(
    st.tuples(st.just("publish"), TOPICS),
    st.tuples(st.just("subscribe"), TOPICS),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("turn"), st.none()),
)


@given(st.lists(STEPS, max_size=60))
def test_it_does_what_the_model_does(steps: list[tuple[str, Any]]) -> None:
    station, model = Station(), Model()
    subscriptions: list[ISubscription] = []
    for count, (step, what) in enumerate([*steps, ("turn", None)]):
        message = str(count).encode()
        if step == "publish":
            station.publish(message, topic=what)
            model.queue.append(([number for number, topic in model.places if topic == what], message))
        elif step == "subscribe":
            model.places.append((len(subscriptions), what))
            subscriptions.append(station.subscribe(str(len(subscriptions)), topic=what))
        elif step == "cancel" and what < len(subscriptions):
            subscriptions[what].cancel()
            model.places = [place for place in model.places if place[0] != what]
        elif step == "turn":
            station.clock.turn()
            model.turn()
        assert station.received == [(str(number), message) for number, message in model.received]
