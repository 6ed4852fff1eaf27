"""Outages are told when they begin and when they end."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.logger import LogEvent, Logger
from twisted.python.failure import Failure

from netforge.plugin import DatabaseBusy, DatabaseUnavailable
from netforge.shared.database.outage import Outage

LOST = Failure(DatabaseUnavailable("the server is down"))


@pytest.fixture
def outage() -> Outage:
    return Outage("sqlite:///x.db", Logger())


def told(events: list[LogEvent]) -> list[str]:
    return [str(event["event"]) for event in events]


def test_it_is_told_once(outage: Outage, events: list[LogEvent]) -> None:
    for result in [1, LOST, LOST, 1, 1, LOST]:
        outage.note(result, outage.turn)
    assert told(events) == ["database lost", "database back", "database lost"]
    assert events[0]["reason"] == "the server is down"
    assert events[0]["database"] == "sqlite:///x.db"


@pytest.mark.parametrize("error", [DatabaseBusy("in vain"), CancelledError()])
def test_who_has_not_asked_it_knows_nothing(outage: Outage, events: list[LogEvent], error: Exception) -> None:
    for result in [Failure(error), LOST, Failure(error)]:
        outage.note(result, outage.turn)
    assert told(events) == ["database lost"]


def test_a_statement_that_fails_shows_that_it_is_back(outage: Outage, events: list[LogEvent]) -> None:
    for result in [Failure(KeyError()), LOST, Failure(KeyError())]:
        outage.note(result, outage.turn)
    assert told(events) == ["database lost", "database back"]


def test_what_was_begun_before_a_change_does_not_change_it_back(outage: Outage, events: list[LogEvent]) -> None:
    before = outage.turn
    outage.note(LOST, before)
    outage.note(1, before)
    between = outage.turn
    outage.note(1, between)
    outage.note(LOST, between)
    assert told(events) == ["database lost", "database back"]
