"""A reload that fails leaves everything as it was; an exclusive service that had to stop for it comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent

from netforge.host import BindError, Forge, ServiceFailed, SettingsError, State

if TYPE_CHECKING:
    from tests.conftest import Peer
    from tests.host.conftest import Stage

BEFORE = """
[services.a]
service = "actor"
listen = ["tcp:1001", "udp:1001"]

[services.b]
service = "actor"
listen = ["tcp:1002", "udp:1002"]
"""
AFTER = """
[services.a]
service = "actor"
listen = ["tcp:1001", "udp:1001"]
variant = "new"

[services.b]
service = "actor"
listen = ["tcp:1002", "udp:1002"]
variant = "new"

[services.c]
service = "actor"
listen = ["tcp:1003", "udp:1003"]
"""
ONLY = '[services.q]\nservice = "only"\nlisten = ["tcp:1001"]\n'
ONLY_CHANGED = f'{ONLY}variant = "new"\n'


class Before:
    """What a failed reload must leave as it is."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.forge = stage.start(BEFORE)
        self.peer = stage.reactor.port(1001).connect()
        self.blueprint = self.forge.blueprint
        self.serving = self.forge.serving
        self.ports = [port for port in stage.reactor.ports if port.open]
        stage.happened()

    def still_stands(self) -> bool:
        reactor = self.stage.reactor
        assert [port for port in reactor.ports if port.open] == self.ports
        assert all(port.reading for port in self.ports)
        assert self.forge.state is State.SERVING
        assert self.forge.blueprint is self.blueprint
        assert self.forge.serving == self.serving
        assert self.peer.send(b"x") == b"a1:x"
        for name, number in (("a1", 1001), ("b1", 1002)):
            assert reactor.port(number).connect().send(b"x") == f"{name}:x".encode()
            assert reactor.port(number, datagram=True).send(b"x") == [f"{name}:x".encode()]
        assert not [step for step in self.stage.happened() if step.startswith(("a1", "b1"))]
        return True

    def the_same_settings_are_kept_and_good_ones_are_taken(self) -> bool:
        self.stage.script.clear()
        self.stage.reactor.taken.clear()
        assert self.stage.result(self.stage.reload(self.forge, BEFORE)).kept == ["a", "b"]
        assert self.stage.result(self.stage.reload(self.forge, AFTER)).replaced == ["a", "b"]
        return True


@pytest.mark.parametrize("step", ["b2 build", "b2 start", "c1 build", "c1 start", "b2 open", "c1 open", "c1 receive"])
def test_a_step_that_raises(stage: Stage, step: str) -> None:
    before = Before(stage)
    stage.script[step] = OSError("no")
    error = stage.failure(stage.reload(before.forge, AFTER))
    assert isinstance(error, ServiceFailed)
    assert str(error).endswith("OSError: no")
    made = [entry for entry in stage.journal if entry.endswith(" start")]
    undone = [entry for entry in stage.journal if entry.endswith(" stop")]
    assert len(undone) == len(made) - step.endswith(" start")
    opened = [entry for entry in stage.journal if entry.endswith((" open", " receive"))]
    shut = [entry for entry in stage.journal if entry.endswith((" shut", " deaf"))]
    assert len(shut) == len(opened) - step.endswith((" open", " receive"))
    assert before.still_stands()
    assert before.the_same_settings_are_kept_and_good_ones_are_taken()


@pytest.mark.parametrize("step", ["c1 build", "c1 start"])
def test_a_step_that_takes_too_long(stage: Stage, step: str) -> None:
    before = Before(stage)
    stage.script[step] = Deferred()
    reloading = stage.reload(before.forge, AFTER)
    assert stage.waits(reloading)
    stage.reactor.wait(60)
    assert "it took more than 60 s" in str(stage.failure(reloading))
    assert before.still_stands()
    assert before.the_same_settings_are_kept_and_good_ones_are_taken()


def test_an_address_that_is_taken(stage: Stage) -> None:
    before = Before(stage)
    stage.reactor.taken = {1003}
    error = stage.failure(stage.reload(before.forge, AFTER))
    assert isinstance(error, BindError)
    assert str(error) == "tcp:0.0.0.0:1003 (c): Address already in use"
    assert before.still_stands()
    assert before.the_same_settings_are_kept_and_good_ones_are_taken()


def test_bad_settings(stage: Stage) -> None:
    before = Before(stage)
    assert isinstance(stage.failure(stage.reload(before.forge, "[services.a]\nservice = 'nobody'")), SettingsError)
    assert stage.happened() == []
    assert before.still_stands()
    assert before.the_same_settings_are_kept_and_good_ones_are_taken()


def test_what_a_failed_instance_kept_does_not_replace_what_was_kept(stage: Stage) -> None:
    before = Before(stage)
    rooms = stage.contexts["a1"].keep("rooms", object)
    stage.script["b2 build"] = OSError("no")
    stage.failure(stage.reload(before.forge, AFTER))
    assert stage.contexts["a2"].keep("rooms", object) is rooms


def test_an_exclusive_service_stops_before_its_successor_starts(stage: Stage) -> None:
    forge = stage.start(ONLY)
    port = stage.reactor.port(1001)
    old = port.connect()
    stage.happened()
    reloading = stage.reload(forge, ONLY_CHANGED)
    assert (stage.waits(reloading), port.reading, stage.happened()) == (True, False, ["q2 build"])
    later: list[Peer] = []
    port.connect_later(later)
    stage.reactor.wait(30)
    assert old.cut
    assert stage.result(reloading).replaced == ["q"]
    assert stage.happened() == ["q1 shut", "q1 stop", "q2 start", "q2 open"]
    assert stage.reactor.port(1001) is port
    assert [peer.send(b"x") for peer in later] == [b"q2:x"]


def test_a_build_that_fails_costs_an_exclusive_service_nothing(stage: Stage) -> None:
    forge = stage.start(ONLY)
    port = stage.reactor.port(1001)
    old = port.connect()
    stage.happened()
    stage.script["q2 build"] = OSError("no")
    assert "OSError: no" in str(stage.failure(stage.reload(forge, ONLY_CHANGED)))
    assert stage.happened() == ["q2 build"]
    assert (old.cut, old.send(b"x")) == (False, b"q1:x")


@pytest.mark.parametrize("step", ["q2 start", "q2 open"])
def test_an_exclusive_service_comes_back_when_its_successor_fails(stage: Stage, step: str) -> None:
    forge = stage.start(ONLY)
    port = stage.reactor.port(1001)
    stage.happened()
    stage.script[step] = OSError("no")
    later: list[Peer] = []
    stage.text = ONLY_CHANGED
    reloading = forge.reload()
    stage.reactor.turn()
    assert "OSError: no" in str(stage.failure(reloading))
    assert stage.happened()[-2:] == ["q1 start", "q1 open"]
    port.connect_later(later)
    assert [peer.send(b"x") for peer in later] == [b"q1:x"]
    stage.script.clear()
    reloading = stage.reload(forge, ONLY_CHANGED)
    stage.reactor.wait(30)
    assert stage.result(reloading).replaced == ["q"]
    assert port.connect().send(b"x") == b"q3:x"


def never_back(stage: Stage, forge: Forge, reason: str, events: list[LogEvent]) -> None:
    """Look that the first error is reported, and that the service runs again once it is reloaded."""
    stage.script["q2 start"] = OSError(reason)
    reloading = stage.reload(forge, ONLY_CHANGED)
    stage.reactor.wait(60)
    assert f"OSError: {reason}" in str(stage.failure(reloading))
    assert "service 'q' cannot be brought back" in [formatEvent(event) for event in events]
    stage.script.clear()
    later: list[Peer] = []
    stage.reactor.port(1001).connect_later(later)
    assert stage.result(stage.reload(forge, ONLY)).added == ["q"]
    assert [peer.send(b"x") for peer in later] == [b"q3:x"]


@pytest.mark.parametrize(("step", "outcome"), [("start", OSError), ("open", OSError), ("start", Deferred)])
def test_an_exclusive_service_that_does_not_come_back_is_started_by_the_next_reload(
    stage: Stage, events: list[LogEvent], step: str, outcome: Callable[[], Any]
) -> None:
    forge = stage.start(ONLY)
    stage.script[f"q1 {step}"] = outcome()
    never_back(stage, forge, "the first error", events)


def test_of_an_exclusive_service_that_comes_back_only_in_part_nothing_goes_on(stage: Stage) -> None:
    forge = stage.start(ONLY + "tasks = 2")
    stage.script |= {"q2 start": OSError("no"), "q1 start2": OSError("neither")}
    stage.happened()
    assert stage.failure(stage.reload(forge, ONLY))
    assert stage.happened()[-3:] == ["q1 start1", "q1 start2", "q1 stop1"]


def test_a_stop_while_an_exclusive_service_waits_for_its_connections_starts_no_successor(stage: Stage) -> None:
    forge = stage.start(ONLY)
    old = stage.reactor.port(1001).connect()
    stage.happened()
    reloading = stage.reload(forge, ONLY_CHANGED)
    stopping = forge.stopService()
    stage.reactor.wait(30)
    assert old.cut
    stage.result(stopping)
    assert stage.failure(reloading)
    assert stage.happened() == ["q2 build", "q1 shut", "q1 stop"]


def test_what_a_service_kept_that_never_came_up_is_dropped(stage: Stage) -> None:
    before = Before(stage)
    stage.script["c1 start"] = Deferred()
    reloading = stage.reload(before.forge, AFTER)
    rooms = stage.contexts["c1"].keep("rooms", object)
    stage.reactor.wait(60)
    stage.failure(reloading)
    stage.script.clear()
    stage.result(stage.reload(before.forge, AFTER))
    assert stage.contexts["c2"].keep("rooms", object) is not rooms
