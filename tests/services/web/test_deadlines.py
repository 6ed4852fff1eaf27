"""Deadlines of applications: how few timers they take, and what becomes of who is late."""

from __future__ import annotations

import gc
from weakref import ref

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent

from netforge.protocols.http import Application, Exchange, HTTPFactory
from netforge.services.web.around.deadlines import Deadlines
from tests.services.web import applications


@pytest.fixture
def clock() -> Clock:
    """What deadlines go by."""
    return Clock()


def begin(application: Application) -> StringTransport:
    """Ask an application for something."""
    protocol = HTTPFactory(application, Clock()).buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return transport


@pytest.mark.parametrize("application", ["read", "show"])
def test_what_is_answered_at_once_needs_no_timer(clock: Clock, application: str) -> None:
    around = Deadlines(clock, 5).around(getattr(applications, application))
    assert begin(around).value().startswith(b"HTTP/1.1 200 ")
    assert clock.getDelayedCalls() == []


def test_one_timer_is_enough_for_all(clock: Clock) -> None:
    exchanges: list[Exchange] = []
    around = Deadlines(clock, 5).around(exchanges.append)
    transports = []
    for _ in range(3):
        transports.append(begin(around))
        clock.advance(2)
    assert len(clock.getDelayedCalls()) == 1
    exchanges[1].respond(200)
    assert [transport.value()[9:12] for transport in transports] == [b"503", b"200", b""]
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(3)
    assert [transport.value()[9:12] for transport in transports] == [b"503", b"200", b"503"]
    assert clock.getDelayedCalls() == []
    begin(around)
    assert len(clock.getDelayedCalls()) == 1


def test_each_has_its_own_time(clock: Clock) -> None:
    around = Deadlines(clock, 5).around(applications.forget)
    first = begin(around)
    clock.advance(1)
    second = begin(around)
    clock.advance(3.9)
    assert first.value() == b""
    clock.advance(0.1)
    assert first.value().startswith(b"HTTP/1.1 503 ")
    clock.advance(0.9)
    assert second.value() == b""
    clock.advance(0.1)
    assert second.value().startswith(b"HTTP/1.1 503 ")


def test_what_is_done_is_not_kept_until_it_would_be_due(clock: Clock) -> None:
    exchanges: list[Exchange] = []
    begin(Deadlines(clock, 5).around(exchanges.append))
    kept = ref(exchanges[0])
    exchanges.pop().respond(200)
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("ending", [CancelledError(), ConnectionError("the database is gone"), None])
def test_what_a_cancelled_application_does_does_not_matter(clock: Clock, ending: Exception | None) -> None:
    async def application(exchange: Exchange) -> None:
        try:
            await Deferred[None]()
        except CancelledError:
            if ending is None:
                await Deferred[None]()
            else:
                raise ending from None

    transport = begin(Deadlines(clock, 5).around(application))
    clock.advance(5)
    assert transport.value().startswith(b"HTTP/1.1 503 ")
    assert transport.value().endswith(b"503 Service Unavailable: the answer took too long\n")


def test_who_has_begun_late_but_in_time_goes_on(clock: Clock) -> None:
    steps: list[Deferred[None]] = [Deferred(), Deferred()]

    async def application(exchange: Exchange) -> None:
        await steps[0]
        exchange.begin(200, [(b"content-length", b"4")])
        await steps[1]
        exchange.write(b"done")
        exchange.end()

    transport = begin(Deadlines(clock, 5).around(application))
    clock.advance(4)
    steps[0].callback(None)
    clock.advance(100)
    steps[1].callback(None)
    assert transport.value().endswith(b"done")


@pytest.mark.parametrize("mistake", [False, True])
def test_an_application_may_answer_by_itself_when_it_is_cancelled(
    clock: Clock, events: list[LogEvent], *, mistake: bool
) -> None:
    async def application(exchange: Exchange) -> None:
        try:
            await Deferred[None]()
        except CancelledError:
            exchange.respond(202)
            if mistake:
                raise ValueError("a mistake") from None
            raise

    transport = begin(Deadlines(clock, 5).around(application))
    clock.advance(5)
    assert transport.value().startswith(b"HTTP/1.1 202 ")
    failures = [str(event["log_failure"].value) for event in events if "log_failure" in event]
    assert failures == ["a mistake"] * mistake
