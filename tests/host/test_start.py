"""Start: in the order of the needs, all or nothing, and nobody is accepted before everything is ready."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, formatEvent

from netforge.host import BindError, Forge, State
from netforge.plugin import Context, Parts, Settings, service
from netforge.plugin.interfaces import IBus

if TYPE_CHECKING:
    from tests.conftest import Drive
    from tests.host.conftest import Stage

TWO = """
[services.a]
service = "actor"
listen = ["tcp:1001"]

[services.b]
service = "actor"
listen = ["tcp:1002"]
"""

NEEDY = """
[services.a]
service = "user"
listen = ["tcp:1001"]

[shared.greeter]
"""


def began(stage: Stage, text: str) -> Forge:
    forge = stage.forge(text)
    forge.startService()
    stage.reactor.turn()
    return forge


def failed(stage: Stage, forge: Forge) -> str:
    """Why a start failed, after looking that nothing is left of it."""
    assert forge.state is State.STOPPED
    assert forge.serving == []
    assert stage.reactor.numbers == []
    assert stage.reactor.getDelayedCalls() == []
    return str(stage.failure(forge.when_ready()))


def test_a_provider_starts_before_its_users_and_stops_after_them(stage: Stage) -> None:
    forge = stage.start(NEEDY)
    started = ["greeter1 build", "greeter1 start", "a1 build", "a1 start", "a1 open"]
    assert stage.happened() == started
    forge.stopService()
    stage.reactor.turn()
    assert stage.happened() == ["a1 shut", "a1 stop", "greeter1 stop"]


def test_context_gives_the_object_that_was_offered(stage: Stage) -> None:
    stage.start(NEEDY)
    assert stage.contexts["a1"][stage.greeting] is stage.greetings["greeter1"]


def test_an_undeclared_need_says_what_to_add(stage: Stage) -> None:
    stage.start(NEEDY)
    with pytest.raises(LookupError, match=r"service 'a' asked for IBus without declaring it: add needs=\[IBus\]"):
        stage.contexts["a1"][IBus]


def test_nobody_is_accepted_before_everything_is_ready(stage: Stage) -> None:
    building, starting = Deferred[None](), Deferred[None]()
    stage.script |= {"b1 build": building, "b1 start": starting}
    forge = began(stage, TWO)
    ready = forge.when_ready()
    assert stage.happened() == ["a1 build", "a1 start", "b1 build"]
    building.callback(None)
    assert stage.happened() == ["b1 start"]
    assert (forge.state, stage.reactor.ports, stage.waits(ready)) == (State.STARTING, [], True)
    starting.callback(None)
    change = stage.result(ready)
    assert (forge.state, stage.reactor.numbers) == (State.SERVING, [1001, 1002])
    assert change.added == ["a", "b"]
    assert str(change) == "started a, b; 0 unchanged"


def test_it_runs_on_twisteds_own_reactor_in_memory_too(stage: Stage) -> None:
    reactor = MemoryReactorClock()
    forge = stage.forge(TWO, reactor)
    forge.startService()
    reactor.run()
    reactor.advance(0)
    assert stage.result(forge.when_ready()).added == ["a", "b"]
    assert [port for port, _, _, _ in reactor.tcpServers] == [1001, 1002]


def test_who_asks_late_whether_it_is_ready_is_told_the_same(stage: Stage) -> None:
    forge = stage.start(TWO)
    assert stage.result(forge.when_ready()) is stage.result(forge.when_ready())


def test_serving_lists_every_address_in_the_order_of_the_settings(stage: Stage) -> None:
    forge = stage.start('[services.a]\nservice = "actor"\nlisten = ["tcp:127.0.0.1:1001", "udp:1002"]')
    assert [(one.name, one.protocol, one.address) for one in forge.serving] == [
        ("a", "actor", "tcp:127.0.0.1:1001"),
        ("a", "actor", "udp:0.0.0.0:1002"),
    ]
    assert forge.serving[0].try_it == "echo hello | nc -w1 127.0.0.1 1001"
    assert forge.serving[1].try_it == "echo hello | nc -u -w1 127.0.0.1 1002"


@pytest.mark.parametrize(
    ("step", "doing", "undone"),
    [
        ("b1 build", "build", ["a1 stop"]),
        ("b1 start", "start task", ["a1 stop"]),
        ("b1 open", "serve tcp:0.0.0.0:1002", ["b1 stop", "a1 shut", "a1 stop"]),
    ],
)
def test_a_failed_start_is_undone_in_reverse(
    stage: Stage, events: list[LogEvent], step: str, doing: str, undone: list[str]
) -> None:
    stage.script[step] = OSError("the disk is full")
    forge = began(stage, TWO)
    assert failed(stage, forge) == f"service 'b' (forge.toml:6) failed to {doing}: OSError: the disk is full"
    happened = stage.happened()
    assert happened[happened.index(step) + 1 :] == undone
    assert any("netforge cannot start" in str(formatEvent(event)) for event in events)


@pytest.mark.parametrize("step", ["b1 build", "b1 start"])
def test_a_start_that_takes_too_long_is_cancelled_and_undone(stage: Stage, step: str) -> None:
    cancelled: list[Any] = []
    stage.script[step] = Deferred(cancelled.append)
    forge = began(stage, "[netforge]\nstart_deadline = 5\n" + TWO)
    stage.reactor.wait(4.9)
    assert forge.state is State.STARTING
    stage.reactor.wait(0.2)
    assert failed(stage, forge) == "service 'b' (forge.toml:8) failed to start: it took more than 5 s"
    assert cancelled
    assert stage.happened()[-1] == "a1 stop"


def test_an_address_that_cannot_be_had_is_named_first(stage: Stage) -> None:
    stage.reactor.taken = {1002}
    forge = began(stage, TWO)
    assert failed(stage, forge) == "tcp:0.0.0.0:1002 (b): Address already in use"
    assert isinstance(stage.failure(forge.when_ready()), BindError)
    assert stage.happened()[-3:] == ["b1 stop", "a1 shut", "a1 stop"]


def test_a_task_that_was_started_before_another_failed_is_stopped_within_the_deadline(stage: Stage) -> None:
    stage.script |= {"a1 start2": OSError("no"), "a1 stop1": Deferred()}
    forge = began(stage, '[services.a]\nservice = "actor"\ntasks = 2')
    assert forge.state is State.STARTING
    stage.reactor.wait(11)
    assert failed(stage, forge) == "service 'a' (forge.toml:1) failed to start task2: OSError: no"
    assert stage.happened() == ["a1 build", "a1 start1", "a1 start2", "a1 stop1"]


def test_it_can_be_started_again_after_it_failed(stage: Stage) -> None:
    stage.script["b1 start"] = OSError("no")
    forge = began(stage, TWO)
    failed(stage, forge)
    forge.startService()
    stage.reactor.turn()
    assert stage.result(forge.when_ready()).added == ["a", "b"]
    assert stage.reactor.numbers == [1001, 1002]


def test_stopped_before_the_reactor_runs_it_never_starts(stage: Stage) -> None:
    stage.reactor.running = False
    forge = stage.forge(TWO)
    forge.startService()
    ready = forge.when_ready()
    stage.result(forge.stopService())
    stage.reactor.run()
    stage.reactor.turn()
    assert (stage.happened(), stage.reactor.ports, forge.state) == ([], [], State.STOPPED)
    assert isinstance(stage.failure(ready), CancelledError)


def test_stopped_without_having_been_started_it_says_so_to_who_waits(stage: Stage) -> None:
    forge = stage.forge(TWO)
    ready = forge.when_ready()
    stage.result(forge.stopService())
    assert isinstance(stage.failure(ready), CancelledError)


@pytest.mark.parametrize("step", ["b1 build", "b1 start"])
def test_a_stop_during_the_start_cancels_and_undoes_it(stage: Stage, step: str) -> None:
    stage.script[step] = Deferred()
    forge = began(stage, TWO)
    ready = forge.when_ready()
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)
    assert forge.state is State.STOPPED
    assert isinstance(stage.failure(ready), CancelledError)
    assert stage.happened()[-1] == "a1 stop"
    assert stage.reactor.ports == []


def test_a_stop_during_the_start_opens_no_port_though_the_last_step_ends_well(stage: Stage) -> None:
    stage.script["b1 start"] = Deferred(lambda deferred: deferred.callback(None))
    forge = began(stage, TWO)
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)
    assert stage.reactor.ports == []
    assert stage.happened()[-2:] == ["b1 stop", "a1 stop"]


@pytest.mark.real
def test_a_build_finds_the_asyncio_loop_running(stage: Stage, drive_asyncio: Drive) -> None:
    loops: list[object] = []

    def build(settings: Settings, context: Context) -> Parts:
        loops.append(context.loop)
        return []

    stage.services.append(service("own", Settings)(build))
    forges: list[Forge] = []

    def before(reactor: Any) -> None:
        forges.append(stage.forge("[services.own]", reactor))
        forges[0].startService()

    async def scenario(reactor: Any) -> None:
        await forges[0].when_ready()
        assert loops == [asyncio.get_running_loop()]
        await forges[0].stopService()

    drive_asyncio(scenario, before=before)


def test_without_an_asyncio_reactor_there_is_a_loop_of_the_reactors_turns(stage: Stage) -> None:
    stage.start(TWO)
    loop = stage.contexts["a1"].loop
    assert stage.contexts["b1"].loop is loop
    called = loop.create_future()
    loop.call_later(5, called.set_result, None)
    stage.reactor.wait(4)
    assert not called.done()
    stage.reactor.wait(1)
    assert called.done()
