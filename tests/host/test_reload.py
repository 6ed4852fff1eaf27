"""Reload: what has not changed notices nothing, what has changed takes over its ports, and old connections live on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from twisted.internet.defer import Deferred

from netforge.host import Forge, State
from netforge.plugin import IReactor

if TYPE_CHECKING:
    from tests.host.conftest import Stage


def actor(name: str, port: int, more: str = "") -> str:
    return f'[services.{name}]\nservice = "actor"\nlisten = ["tcp:{port}"]\n{more}\n'


TWO = actor("a", 1001) + actor("b", 1002)
TWO_CHANGED = actor("a", 1001) + actor("b", 1002, 'variant = "new"')
SHARED = '[shared.greeter]\n{}\n[services.a]\nservice = "user"\nlisten = ["tcp:1001"]\n'


def test_what_has_not_changed_notices_nothing_wherever_it_stands(stage: Stage) -> None:
    forge = stage.start(TWO)
    peer = stage.reactor.port(1001).connect()
    protocol = peer.protocol
    stage.happened()
    change = stage.result(stage.reload(forge, actor("c", 1003) + TWO))
    assert (change.added, change.replaced, change.removed, change.kept) == (["c"], [], [], ["a", "b"])
    assert str(change) == "started c; 2 unchanged"
    assert stage.happened() == ["c1 build", "c1 start", "c1 open"]
    assert peer.protocol is protocol
    assert peer.send(b"x") == b"a1:x"
    assert stage.reactor.port(1001).connect().send(b"x") == b"a1:x"
    assert stage.reactor.port(1003).connect().send(b"x") == b"c1:x"


def test_a_changed_service_takes_over_the_same_port_and_old_connections_live_on(stage: Stage) -> None:
    forge = stage.start(TWO)
    port = stage.reactor.port(1002)
    old = port.connect()
    stage.happened()
    change = stage.result(stage.reload(forge, TWO_CHANGED))
    assert (change.replaced, change.kept) == (["b"], ["a"])
    assert len(stage.reactor.ports) == 2
    assert port.connect().send(b"x") == b"b2:x"
    assert old.send(b"x") == b"b1:x"
    stage.reactor.wait(3600)
    assert old.lost is None
    assert stage.happened() == ["b2 build", "b2 start", "b2 open"]
    old.close()
    assert stage.happened() == ["b1 shut", "b1 stop"]


def test_a_changed_service_without_connections_stops_at_once(stage: Stage) -> None:
    forge = stage.start(TWO)
    stage.happened()
    stage.result(stage.reload(forge, TWO_CHANGED))
    assert stage.happened() == ["b2 build", "b2 start", "b2 open", "b1 shut", "b1 stop"]


def test_a_connection_of_a_replaced_instance_is_drained_and_cut_at_the_stop(stage: Stage) -> None:
    forge = stage.start(TWO)
    old = stage.reactor.port(1002).connect()
    stage.result(stage.reload(forge, TWO_CHANGED))
    stage.happened()
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.reactor.wait(30)
    assert old.cut
    stage.result(stopping)
    assert sorted(stage.happened()) == sorted(
        ["a1 shut", "a1 stop", "b1 shut", "b1 stop", "b2 shut", "b2 stop"],
    )


def test_a_removed_service_closes_its_port_and_its_connections_are_drained_then_cut(stage: Stage) -> None:
    forge = stage.start(TWO + actor("c", 1003, "polite = true"))
    rude, polite = stage.reactor.port(1002).connect(), stage.reactor.port(1003).connect()
    stage.happened()
    change = stage.result(stage.reload(forge, actor("a", 1001)))
    assert change.removed == ["b", "c"]
    assert str(change) == "removed b, c; 1 unchanged"
    assert stage.reactor.numbers == [1001]
    assert polite.lost is not None
    assert rude.send(b"x") == b"b1:x"
    assert stage.happened() == ["c1 drain", "c1 shut", "c1 stop"]
    stage.reactor.wait(30)
    assert rude.cut
    assert stage.happened() == ["b1 shut", "b1 stop"]
    assert stage.reactor.getDelayedCalls() == []


def test_a_removed_service_takes_the_connections_of_its_earlier_instances_with_it(stage: Stage) -> None:
    forge = stage.start(TWO)
    old = stage.reactor.port(1002).connect()
    stage.result(stage.reload(forge, TWO_CHANGED))
    stage.result(stage.reload(forge, actor("a", 1001)))
    stage.reactor.wait(30)
    assert old.cut
    assert stage.reactor.getDelayedCalls() == []


def test_a_moved_address_is_closed_and_the_new_one_listens(stage: Stage) -> None:
    forge = stage.start(TWO)
    stage.result(stage.reload(forge, actor("a", 1001) + actor("b", 1005)))
    assert sorted(stage.reactor.numbers) == [1001, 1005]
    assert stage.reactor.port(1005).connect().send(b"x") == b"b2:x"
    assert forge.serving[1].address == "tcp:0.0.0.0:1005"


def test_two_services_may_swap_their_ports(stage: Stage) -> None:
    forge = stage.start(TWO)
    stage.result(stage.reload(forge, actor("a", 1002) + actor("b", 1001)))
    assert len(stage.reactor.ports) == 2
    assert stage.reactor.port(1001).connect().send(b"x") == b"b2:x"
    assert stage.reactor.port(1002).connect().send(b"x") == b"a2:x"


def test_the_users_of_a_changed_provider_are_rebuilt_and_the_old_one_outlives_them(stage: Stage) -> None:
    forge = stage.start(SHARED.format(""))
    old = stage.reactor.port(1001).connect()
    stage.happened()
    change = stage.result(stage.reload(forge, SHARED.format('variant = "new"')))
    assert sorted(change.replaced) == ["a", "greeter"]
    assert stage.contexts["a2"][stage.greeting] is stage.greetings["greeter2"]
    assert stage.contexts["a1"][stage.greeting] is stage.greetings["greeter1"]
    assert stage.happened() == ["greeter2 build", "greeter2 start", "a2 build", "a2 start", "a2 open"]
    old.close()
    assert stage.happened() == ["a1 shut", "a1 stop", "greeter1 stop"]


def test_an_old_provider_waits_until_its_old_users_tasks_have_stopped(stage: Stage) -> None:
    finished = Deferred[None]()
    stage.script["a1 stop"] = finished
    forge = stage.start(SHARED.format(""))
    stage.happened()
    stage.result(stage.reload(forge, SHARED.format('variant = "new"')))
    assert stage.happened()[-1] == "a1 stop"
    finished.callback(None)
    assert stage.happened() == ["greeter1 stop"]


def test_a_changed_user_keeps_its_provider(stage: Stage) -> None:
    forge = stage.start(SHARED.format(""))
    change = stage.result(stage.reload(forge, SHARED.format("") + 'variant = "new"'))
    assert (change.replaced, change.kept) == (["a"], ["greeter"])
    assert stage.contexts["a2"][stage.greeting] is stage.greetings["greeter1"]


def test_a_watched_file_that_changed_rebuilds_its_service(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "quotes"
    file.write_text("one")
    text = actor("a", 1001, f'file = "{file}"')
    forge = stage.start(text)
    assert stage.result(stage.reload(forge, text)).kept == ["a"]
    file.write_text("one and two")
    assert stage.result(stage.reload(forge, text)).replaced == ["a"]
    file.unlink()
    assert stage.result(stage.reload(forge, text)).replaced == ["a"]


def test_another_state_folder_rebuilds_everything(stage: Stage, tmp_path: Path) -> None:
    forge = stage.start(TWO)
    assert stage.contexts["a1"].state == tmp_path / "state" / "a"
    assert stage.contexts["a1"].state.stat().st_mode & 0o777 == 0o700
    change = stage.result(stage.reload(forge, '[netforge]\nstate = "elsewhere"\n' + TWO))
    assert change.replaced == ["a", "b"]
    assert stage.contexts["a2"].state == tmp_path / "elsewhere" / "a"


def test_what_is_kept_outlives_reloads_and_goes_with_the_service(stage: Stage) -> None:
    def rooms(instance: str) -> object:
        return stage.contexts[instance].keep("rooms", object)

    forge = stage.start(TWO)
    first, other = rooms("b1"), rooms("a1")
    assert rooms("b1") is first
    assert other is not first
    stage.result(stage.reload(forge, TWO_CHANGED))
    assert rooms("b2") is first
    stage.result(stage.reload(forge, actor("a", 1001)))
    stage.result(stage.reload(forge, TWO))
    assert rooms("b3") is not first
    assert rooms("a1") is other


def test_two_reloads_at_once_happen_one_after_the_other(stage: Stage) -> None:
    building = Deferred[None]()
    stage.script["b2 build"] = building
    forge = stage.start(TWO)
    stage.happened()
    first = stage.reload(forge, TWO_CHANGED)
    second = stage.reload(forge, actor("a", 1001) + actor("b", 1002, 'variant = "newer"'))
    assert stage.happened() == ["b2 build"]
    building.callback(None)
    assert stage.result(first).replaced == ["b"]
    assert stage.result(second).replaced == ["b"]
    assert stage.happened()[-3:] == ["b3 open", "b2 shut", "b2 stop"]
    assert stage.reactor.port(1002).connect().send(b"x") == b"b3:x"


def test_a_reload_during_the_start_waits_for_it(stage: Stage) -> None:
    building = Deferred[None]()
    stage.script["b1 build"] = building
    forge = stage.forge(TWO)
    forge.startService()
    stage.reactor.turn()
    reloading = stage.reload(forge, TWO_CHANGED)
    assert stage.waits(reloading)
    building.callback(None)
    assert stage.result(reloading).replaced == ["b"]


def test_a_stop_during_a_reload_cancels_it_and_stops_everything(stage: Stage) -> None:
    stage.script["b2 start"] = Deferred()
    forge = stage.start(TWO)
    stage.happened()
    reloading = stage.reload(forge, TWO_CHANGED)
    waiting = stage.reload(forge, TWO)
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)
    assert stage.failure(reloading)
    assert stage.failure(waiting)
    assert stage.reactor.numbers == []
    assert sorted(stage.happened()) == ["a1 shut", "a1 stop", "b1 shut", "b1 stop", "b2 build", "b2 start"]


def test_a_stop_while_a_reload_closes_ports_closes_them_all(stage: Stage) -> None:
    forge = stage.start(TWO + actor("c", 1003))
    stage.text = actor("a", 1001)
    reloading = forge.reload()
    assert stage.waits(reloading)
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)
    assert stage.reactor.numbers == []


def test_there_is_nothing_to_reload_from_without_a_reader(stage: Stage) -> None:
    stage.text = TWO
    forge = Forge(stage.draw(), cast(IReactor, stage.reactor))
    forge.startService()
    stage.reactor.turn()
    error = stage.failure(forge.reload())
    assert isinstance(error, RuntimeError)
    assert str(error) == "nothing to reload from: these settings were given by the program"


@pytest.mark.parametrize("state", [State.NEW, State.STOPPED])
def test_there_is_nothing_to_reload_where_nothing_serves(stage: Stage, state: State) -> None:
    forge = stage.forge(TWO)
    if state is State.STOPPED:
        stage.result(forge.stopService())
    error = stage.failure(forge.reload())
    assert isinstance(error, RuntimeError)
    assert str(error) == f"nothing to reload: netforge is {state.value}"
