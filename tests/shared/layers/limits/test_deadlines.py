"""Connections on which nothing happens are cut."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from netforge.plugin import metered
from netforge.shared.layers.limits.deadlines import Deadlines
from netforge.shared.layers.limits.settings import Limits

PEER = IPv4Address("TCP", "192.0.2.1", 1)


class Stage:
    """Connections under deadlines."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.cut: list[tuple[str, int]] = []
        self.deadlines = Deadlines(
            cast(IReactorTime, self.clock), Limits(**limits), lambda reason, times: self.cut.append((reason, times))
        )
        self.factory: Any = metered(Factory.forProtocol(Protocol), self.deadlines)

    def connect(self) -> tuple[Any, StringTransport]:
        protocol, transport = self.factory.buildProtocol(PEER), StringTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    def wait(self, seconds: int) -> None:
        for _ in range(seconds * 10):
            self.clock.advance(0.1)


def test_who_says_nothing_is_cut_between_the_deadline_and_a_quarter_more() -> None:
    stage = Stage()
    transports = []
    for _ in range(15):
        transports.append(stage.connect()[1])
        stage.wait(1)
    stage.wait(44)
    assert not any(transport.disconnected for transport in transports)
    stage.wait(3)
    assert [transport.disconnected for transport in transports] == [True] + [False] * 14
    stage.wait(14)
    assert all(transport.disconnected for transport in transports)
    assert sum(times for reason, times in stage.cut if reason == "greeting") == 15


@pytest.mark.parametrize("way", ["received", "sent"])
def test_progress_either_way_puts_the_end_off(way: str) -> None:
    stage = Stage(greeting=0)
    protocol, transport = stage.connect()
    for _ in range(10):
        stage.wait(59)
        protocol.dataReceived(b"x") if way == "received" else protocol.write(b"x")
    assert not transport.disconnected
    stage.wait(59)
    assert not transport.disconnected
    stage.wait(17)
    assert transport.disconnected
    assert stage.cut == [("idle", 1)]


def test_what_we_send_is_no_greeting_of_the_clients() -> None:
    stage = Stage(idle=0)
    protocol, transport = stage.connect()
    protocol.write(b"220 welcome")
    stage.wait(76)
    assert transport.disconnected
    assert stage.cut == [("greeting", 1)]


def test_after_its_greeting_a_client_may_be_silent_for_ever_where_idle_is_0() -> None:
    stage = Stage(idle=0)
    protocol, transport = stage.connect()
    protocol.dataReceived(b"x")
    stage.wait(600)
    assert not transport.disconnected
    # And nobody looks after it any more.
    assert stage.clock.getDelayedCalls() == []


def test_a_dribble_is_no_progress_where_progress_is_more() -> None:
    stage = Stage(idle=60, progress=64)
    (slow, dribbling), (fast, living) = stage.connect(), stage.connect()
    for _ in range(12):
        stage.wait(10)
        if not dribbling.disconnected:
            slow.dataReceived(b"x")
        fast.dataReceived(b"x" * 11)
    assert dribbling.disconnected
    assert not living.disconnected


def test_one_timer_serves_all_and_rests_without_connections() -> None:
    stage = Stage()
    protocols = [stage.connect()[0] for _ in range(10)]
    assert len(stage.clock.getDelayedCalls()) == 1
    for protocol in protocols:
        protocol.connectionLost(None)
    stage.wait(16)
    assert stage.clock.getDelayedCalls() == []
    stage.connect()
    stage.deadlines.stop()
    stage.deadlines.stop()
    assert stage.clock.getDelayedCalls() == []


def test_deadlines_of_unlike_length_are_both_kept() -> None:
    stage = Stage(greeting=4, idle=100)
    (_, silent), (talker, talking) = stage.connect(), stage.connect()
    talker.dataReceived(b"x")
    stage.wait(6)
    assert silent.disconnected
    assert not talking.disconnected
    stage.wait(93)
    assert not talking.disconnected
    stage.wait(4)
    assert talking.disconnected
