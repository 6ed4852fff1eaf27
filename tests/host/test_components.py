"""Components without the services that use them, and what the host tells of both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import Deferred

from netforge.host import ServiceFailed, SettingsError
from netforge.host.components import with_components
from netforge.host.settings import read_text
from netforge.plugin import Context, IReactor
from netforge.plugin.interfaces import IServices, ServiceStatus

if TYPE_CHECKING:
    from tests.conftest import Installed
    from tests.host.conftest import Stage

TEXT = """
[services.a]
service = "actor"
listen = ["tcp:1001"]

[shared.greeter]
listen = ["tcp:1002"]

[shared.unneeded]
service = "other"
"""


def working(stage: Stage, installed: type[Installed], work: Any, text: str = TEXT) -> Deferred[Any]:
    other = stage.plugin("other")
    catalogue = installed(*stage.services, shared=[*stage.shared, other], layers=stage.layers)
    document = read_text(text, Path.cwd(), "forge.toml")
    reactor = cast(IReactor, stage.reactor)
    done = Deferred.fromCoroutine(
        with_components("worker", [stage.greeting], document, reactor, work, catalogue=catalogue)
    )
    stage.reactor.turn()
    return done


def test_only_what_is_needed_runs_and_only_meanwhile(stage: Stage, installed: type[Installed]) -> None:
    async def work(context: Context) -> object:
        stage.step("worker", "work")
        return context[stage.greeting]

    assert stage.result(working(stage, installed, work)) is stage.greetings["greeter1"]
    assert stage.happened() == ["greeter1 build", "greeter1 start", "worker work", "greeter1 stop"]


def test_nothing_listens(stage: Stage, installed: type[Installed]) -> None:
    async def work(context: Context) -> object:
        return list(stage.reactor.ports)

    assert stage.result(working(stage, installed, work)) == []


def test_a_failure_of_the_work_stops_the_components(stage: Stage, installed: type[Installed]) -> None:
    async def work(context: Context) -> None:
        raise KeyError("a name")

    with pytest.raises(KeyError, match="a name"):
        stage.result(working(stage, installed, work))
    assert stage.happened()[-1] == "greeter1 stop"


def test_a_component_that_fails_to_start_is_named(stage: Stage, installed: type[Installed]) -> None:
    stage.script["greeter1 start"] = OSError("no disk")

    async def work(context: Context) -> None:
        stage.step("worker", "work")

    expected = r"service 'greeter' \(forge.toml:\d+\) failed to start task: OSError: no disk"
    with pytest.raises(ServiceFailed, match=expected):
        stage.result(working(stage, installed, work))
    assert "worker work" not in stage.happened()


def test_what_is_wrong_with_a_component_is_told_and_with_a_service_is_not(
    stage: Stage, installed: type[Installed]
) -> None:
    async def work(context: Context) -> str:
        return "done"

    assert stage.result(working(stage, installed, work, "[services.a]\nservice = 1")) == "done"
    with pytest.raises(SettingsError, match="wrong"):
        stage.result(working(stage, installed, work, "[shared.greeter]\nwrong = 1"))


def test_the_host_tells_what_runs(stage: Stage) -> None:
    stage.services.append(stage.plugin("watcher", needs=[IServices]))
    forge = stage.forge("""
        [services.w]
        service = "watcher"
        [services.a]
        service = "actor"
        listen = ["tcp:1001"]
    """)
    stage.script["a1 start"] = Deferred()
    forge.startService()
    stage.reactor.turn()
    seen: IServices = stage.contexts["w1"][IServices]
    assert set(seen.services()) == {ServiceStatus("w", False, 0), ServiceStatus("a", False, 0)}
    cast(Any, stage.script["a1 start"]).callback(None)
    stage.reactor.turn()
    stage.reactor.port(1001).connect()
    assert set(seen.services()) == {ServiceStatus("w", True, 0), ServiceStatus("a", True, 1)}
    forge.stopService()
    assert not any(status.ready for status in seen.services())
