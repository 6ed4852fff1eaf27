"""A connection that has had its bytes is paused."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from netforge.shared.layers.limits.bandwidth import Throttle, ThrottleFactory

RATE = 1000


class Producing:
    """A producer that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


class Stage:
    """A throttled connection."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_767_225_600)
        factory = ThrottleFactory(Factory.forProtocol(Protocol), cast(IReactorTime, self.clock), RATE)
        self.transport = StringTransport()
        throttle = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
        assert isinstance(throttle, Throttle)
        self.throttle: Any = throttle
        throttle.makeConnection(self.transport)

    @property
    def reading(self) -> bool:
        return self.transport.producerState == "producing"

    @property
    def upstream(self) -> Any:
        """What the transport sees as the producer."""
        return self.transport.producer


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize("way", ["dataReceived", "write"])
def test_a_second_at_once_and_then_as_long_as_it_takes(stage: Stage, way: str) -> None:
    pass_on = getattr(stage.throttle, way)
    pass_on(b"x" * RATE)
    assert stage.reading
    pass_on(b"x" * 3 * RATE)
    assert not stage.reading
    stage.clock.advance(2.9)
    assert not stage.reading
    stage.clock.advance(0.2)
    assert stage.reading
    assert not stage.throttle.waiting


def test_the_rate_is_kept_over_time(stage: Stage) -> None:
    passed = 0
    for _ in range(6000):
        if stage.reading:
            stage.throttle.dataReceived(b"x" * 300)
            passed += 300
        stage.clock.advance(0.01)
    assert 60 * RATE <= passed <= 61 * RATE + 300


def test_each_way_has_its_own(stage: Stage) -> None:
    stage.throttle.dataReceived(b"x" * RATE)
    stage.throttle.write(b"x" * RATE)
    assert stage.reading


def test_more_that_is_written_meanwhile_takes_longer(stage: Stage) -> None:
    stage.throttle.writeSequence([b"x" * RATE, b"x" * RATE])
    stage.throttle.write(b"x" * RATE)
    stage.clock.advance(1.5)
    assert not stage.reading
    stage.clock.advance(0.6)
    assert stage.reading
    assert len(stage.transport.value()) == 3 * RATE


def test_a_protocol_that_paused_stays_paused(stage: Stage) -> None:
    stage.throttle.dataReceived(b"x" * 2 * RATE)
    stage.throttle.pauseProducing()
    stage.clock.advance(10)
    assert not stage.reading
    stage.throttle.resumeProducing()
    assert stage.reading


def test_a_protocol_cannot_resume_what_is_throttled(stage: Stage) -> None:
    stage.throttle.dataReceived(b"x" * 2 * RATE)
    stage.throttle.pauseProducing()
    stage.throttle.resumeProducing()
    assert not stage.reading
    stage.clock.advance(1.1)
    assert stage.reading


def test_a_producer_is_paused_by_either_and_resumed_by_both(stage: Stage) -> None:
    producer = Producing()
    stage.throttle.registerProducer(producer, True)
    stage.throttle.write(b"x" * 2 * RATE)
    assert producer.told == ["pause"]
    stage.upstream.pauseProducing()
    stage.clock.advance(1.1)
    assert producer.told == ["pause"]
    stage.upstream.resumeProducing()
    assert producer.told == ["pause", "resume"]
    stage.upstream.pauseProducing()
    stage.throttle.write(b"x" * 2 * RATE)
    stage.upstream.resumeProducing()
    assert producer.told == ["pause", "resume", "pause"]
    stage.clock.advance(2.1)
    assert producer.told == ["pause", "resume", "pause", "resume"]
    stage.upstream.stopProducing()
    assert producer.told[-1] == "stop"


def test_a_producer_that_comes_while_it_is_throttled_is_paused_at_once(stage: Stage) -> None:
    producer = Producing()
    stage.throttle.write(b"x" * 2 * RATE)
    stage.throttle.registerProducer(producer, True)
    assert producer.told == ["pause"]
    stage.clock.advance(1.1)
    assert producer.told == ["pause", "resume"]


def test_a_pull_producer_is_asked_when_both_want_it(stage: Stage) -> None:
    producer = Producing()
    stage.throttle.registerProducer(producer, False)
    stage.upstream.resumeProducing()
    stage.throttle.write(b"x" * 2 * RATE)
    assert producer.told == ["resume"]
    stage.upstream.resumeProducing()
    assert producer.told == ["resume"]
    stage.clock.advance(1.1)
    assert producer.told == ["resume", "resume"]
    stage.throttle.write(b"x" * 2 * RATE)
    stage.clock.advance(3)
    assert producer.told == ["resume", "resume"]


def test_a_producer_that_has_gone_is_left_alone(stage: Stage) -> None:
    producer = Producing()
    stage.throttle.registerProducer(producer, True)
    stage.throttle.unregisterProducer()
    stage.throttle.write(b"x" * 2 * RATE)
    stage.clock.advance(2)
    assert producer.told == []
    assert stage.transport.producer is None


def test_nothing_is_left_when_the_connection_is_lost(stage: Stage) -> None:
    stage.throttle.write(b"x" * 2 * RATE)
    stage.throttle.connectionLost(Failure(connectionDone.value))
    assert stage.clock.getDelayedCalls() == []
