"""Stop: ports first, then connections until the drain's deadline, then tasks; what fails holds nothing else up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent

from netforge.host import Forge, State
from netforge.plugin import Context, Listen, Parts, Settings, Stream, Task, service
from tests.host.passing import passing

if TYPE_CHECKING:
    from tests.host.conftest import Stage

HASTY = "[netforge]\ndrain_deadline = 20\nstop_deadline = 5\n"
RUDE = f'{HASTY}[services.a]\nservice = "actor"\nlisten = ["tcp:1001"]\n'
POLITE = f"{RUDE}polite = true\n"
BOTH = f'{RUDE}[services.b]\nservice = "actor"\nlisten = ["tcp:1002"]\npolite = true\n'


def stop(stage: Stage, forge: Forge) -> Deferred[None]:
    stopping = forge.stopService()
    stage.reactor.turn()
    return stopping


def stopped(stage: Stage, forge: Forge, stopping: Deferred[None]) -> bool:
    if stage.waits(stopping):
        assert forge.state is State.STOPPING
        return False
    stage.result(stopping)
    assert forge.state is State.STOPPED
    assert stage.reactor.numbers == []
    assert stage.reactor.getDelayedCalls() == []
    return True


def logged(events: list[LogEvent]) -> str:
    return "\n".join(str(formatEvent(event)) for event in events)


def reasons(events: list[LogEvent]) -> list[str]:
    return [str(event["log_failure"].value) for event in events if "log_failure" in event]


def test_nothing_connected_it_stops_at_once_the_factories_before_the_tasks(stage: Stage) -> None:
    forge = stage.start(RUDE)
    stage.happened()
    assert stopped(stage, forge, stop(stage, forge))
    assert stage.happened() == ["a1 shut", "a1 stop"]


def test_the_ports_close_while_connections_go_on(stage: Stage) -> None:
    forge = stage.start(BOTH)
    peer = stage.reactor.port(1001).connect()
    stopping = forge.stopService()
    assert [port.reading for port in stage.reactor.ports] == [False, False]
    stage.reactor.turn()
    assert stage.reactor.numbers == []
    assert peer.send(b"still") == b"a1:still"
    assert forge.serving == []
    assert not stopped(stage, forge, stopping)
    peer.close()
    assert stopped(stage, forge, stopping)


def test_who_can_be_asked_finishes_and_who_cannot_is_cut_at_the_deadline(stage: Stage, events: list[LogEvent]) -> None:
    forge = stage.start(BOTH)
    rude, polite = stage.reactor.port(1001).connect(), stage.reactor.port(1002).connect()
    stopping = stop(stage, forge)
    assert polite.lost is not None
    assert not polite.cut
    stage.reactor.wait(19.9)
    assert rude.lost is None
    assert stage.happened()[-1] == "b1 drain"
    stage.reactor.wait(0.2)
    assert rude.cut
    assert stopped(stage, forge, stopping)
    assert stage.happened() == ["b1 shut", "b1 stop", "a1 shut", "a1 stop"]
    assert "cutting what has not finished: connections=1" in logged(events)


def test_who_can_be_asked_is_asked_through_layers(stage: Stage) -> None:
    stage.layers.append(passing)
    forge = stage.start(POLITE.replace('"tcp:1001"', '{ address = "tcp:1001", passing = true }'))
    peer = stage.reactor.port(1001).connect()
    assert stopped(stage, forge, stop(stage, forge))
    assert peer.lost is not None


def test_a_protocol_that_raises_when_it_is_asked_stops_nobody_else(stage: Stage, events: list[LogEvent]) -> None:
    stage.script["a1 drain"] = OSError("no")
    forge = stage.start(f'{POLITE}[services.b]\nservice = "actor"\nlisten = ["tcp:1002"]\npolite = true')
    first, second = stage.reactor.port(1001).connect(), stage.reactor.port(1002).connect()
    stopping = stop(stage, forge)
    assert second.lost is not None
    stage.reactor.wait(20)
    assert first.cut
    assert stopped(stage, forge, stopping)
    assert "no" in reasons(events)


def test_cut_ends_the_drain(stage: Stage) -> None:
    forge = stage.start(RUDE)
    peer = stage.reactor.port(1001).connect()
    stopping = stop(stage, forge)
    assert not stopped(stage, forge, stopping)
    forge.cut()
    stage.reactor.turn()
    assert peer.cut
    assert stopped(stage, forge, stopping)


def test_cut_before_the_stop_leaves_no_time(stage: Stage) -> None:
    forge = stage.start(RUDE)
    peer = stage.reactor.port(1001).connect()
    forge.cut()
    assert peer.lost is None
    stopping = stop(stage, forge)
    assert peer.cut
    assert stopped(stage, forge, stopping)


def test_a_connection_whose_end_is_never_reported_holds_nothing_up(stage: Stage) -> None:
    forge = stage.start(RUDE)
    peer = stage.reactor.port(1001).connect()
    peer.abortConnection = lambda: None  # type: ignore[method-assign]  # a transport that is stuck
    stopping = stop(stage, forge)
    stage.reactor.wait(20)
    assert not stopped(stage, forge, stopping)
    stage.reactor.wait(1)
    assert stopped(stage, forge, stopping)


def test_a_task_that_never_stops_is_bounded_and_the_others_still_stop(stage: Stage, events: list[LogEvent]) -> None:
    stage.script |= {"b1 stop2": Deferred()}
    forge = stage.start(RUDE + '[services.b]\nservice = "actor"\ntasks = 2')
    stage.happened()
    stopping = stop(stage, forge)
    assert stage.happened() == ["b1 stop2"]
    stage.reactor.wait(4.9)
    assert not stopped(stage, forge, stopping)
    stage.reactor.wait(0.2)
    assert stopped(stage, forge, stopping)
    assert stage.happened() == ["b1 stop1", "a1 shut", "a1 stop"]
    assert "service 'b' failed to stop task2" in logged(events)
    assert "it took more than 5 s" in reasons(events)


@pytest.mark.parametrize("step", ["stop", "shut"])
def test_what_fails_to_stop_is_logged_and_stops_nothing_else(stage: Stage, events: list[LogEvent], step: str) -> None:
    stage.script[f"b1 {step}"] = OSError("stuck")
    forge = stage.start(BOTH)
    stage.happened()
    assert stopped(stage, forge, stop(stage, forge))
    assert stage.happened() == ["b1 shut", "b1 stop", "a1 shut", "a1 stop"]
    assert "service 'b' failed to stop" in logged(events)
    assert "stuck" in reasons(events)


def test_cut_waits_for_no_task_of_any_service(stage: Stage) -> None:
    stage.script |= {name: Deferred() for name in ("a1 stop1", "a1 stop2", "b1 stop1", "b1 stop2")}
    forge = stage.start(
        f'{HASTY}[services.a]\nservice = "actor"\ntasks = 2\n[services.b]\nservice = "actor"\ntasks = 2'
    )
    stage.happened()
    stopping = stop(stage, forge)
    assert stage.happened() == ["b1 stop2"]
    forge.cut()
    stage.reactor.turn()
    assert stopped(stage, forge, stopping)
    assert stage.happened() == ["b1 stop1", "a1 stop2", "a1 stop1"]


def test_cut_waits_for_no_task_of_a_service_that_was_removed_before(stage: Stage) -> None:
    stage.script["b1 stop"] = Deferred()
    forge = stage.start(BOTH)
    stage.result(stage.reload(forge, RUDE))
    stage.happened()
    stopping = stop(stage, forge)
    assert not stopped(stage, forge, stopping)
    forge.cut()
    stage.reactor.turn()
    assert stopped(stage, forge, stopping)
    assert stage.happened() == ["a1 shut", "a1 stop"]


def test_cut_ends_the_undoing_of_a_failed_start(stage: Stage) -> None:
    stage.script |= {"b1 start": OSError("no"), "a1 stop": Deferred()}
    forge = stage.forge(BOTH)
    forge.startService()
    stage.reactor.turn()
    stopping = stop(stage, forge)
    assert not stopped(stage, forge, stopping)
    forge.cut()
    stage.reactor.turn()
    assert stopped(stage, forge, stopping)
    assert stage.failure(forge.when_ready())


def test_a_stop_does_not_cut_the_undoing_of_a_failed_start_short(stage: Stage) -> None:
    finishing = Deferred[None]()
    stage.script |= {"b1 start": OSError("no"), "a1 stop": finishing}
    forge = stage.forge(BOTH)
    forge.startService()
    stage.reactor.turn()
    stopping = stop(stage, forge)
    assert not stopped(stage, forge, stopping)
    finishing.callback(None)
    stage.reactor.turn()
    assert stopped(stage, forge, stopping)


def test_it_can_be_started_again_and_keeps_nothing_from_before(stage: Stage) -> None:
    forge = stage.start(RUDE)
    first = stage.contexts["a1"].keep("rooms", list[str])
    assert stopped(stage, forge, stop(stage, forge))
    forge.startService()
    stage.reactor.turn()
    stage.result(forge.when_ready())
    assert stage.reactor.port(1001).connect().send(b"x") == b"a2:x"
    assert stage.contexts["a2"].keep("rooms", list[str]) is not first


def test_after_a_cut_it_can_be_started_again_and_is_patient_again(stage: Stage) -> None:
    forge = stage.start(RUDE)
    forge.cut()
    assert stopped(stage, forge, stop(stage, forge))
    forge.startService()
    stage.reactor.turn()
    peer = stage.reactor.port(1001).connect()
    assert not stopped(stage, forge, stop(stage, forge))
    assert peer.lost is None


class OwnSettings(Settings):
    """One listener."""

    listen: Listen = Listen("tcp:1001")


def test_an_async_stop_is_awaited(stage: Stage) -> None:
    finished = Deferred[None]()

    async def stop_slowly() -> None:
        await finished
        stage.step("own", "stopped")

    @service("own", OwnSettings)
    def own(settings: OwnSettings, context: Context) -> Parts:
        return [Stream(settings.listen, stage.factories["a1"]), Task(lambda: None, stop_slowly)]

    stage.services.append(own)
    forge = stage.start('[services.a]\nservice = "actor"\n[services.own]')
    stopping = stop(stage, forge)
    assert not stopped(stage, forge, stopping)
    finished.callback(None)
    stage.reactor.turn()
    assert stopped(stage, forge, stopping)
    assert "own stopped" in stage.happened()
