"""The check that nothing holds the reactor sees what does, and nothing else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twisted.internet.threads import deferToThreadPool

from netforge.plugin import Context, Parts, Settings, Task, service
from tests.blocking import watching

if TYPE_CHECKING:
    from netforge.testing import Network
    from netforge.testing.pytest_plugin import MakeLab


def burn(seconds: float = 0.08) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def sync() -> None:
    with Path(__file__).open("rb") as file:
        os.fsync(file.fileno())


def found(network: Network, monkeypatch: pytest.MonkeyPatch, held: Callable[[], object]) -> list[str]:
    """What is found if a timer of a machine does something."""
    network.machine("server").reactor.callLater(1, held)
    with watching(monkeypatch) as watch:
        network.run(2)
    return watch.found


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (burn, "ms of CPU time"),
        (sync, "os.fsync in"),
        (lambda: sqlite3.connect(":memory:").close(), "sqlite3.connect in"),
        (lambda: subprocess.run([sys.executable, "-c", ""], check=True), "subprocess.Popen in"),
    ],
)
def test_what_holds_a_turn_is_found(
    network: Network, monkeypatch: pytest.MonkeyPatch, held: Callable[[], object], expected: str
) -> None:
    lines = found(network, monkeypatch, held)
    assert any(expected in line and "SimulatedReactor._ring(" in line for line in lines)
    assert all(__file__ in line for line in lines if "CPU time" not in line)


def test_a_turn_that_holds_nothing_up_is_no_finding(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(network, monkeypatch, lambda: burn(0.01)) == []


def test_threads_may_wait(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    reactor = network.machine("server").reactor

    def work() -> None:
        burn()
        sync()

    assert found(network, monkeypatch, lambda: deferToThreadPool(reactor, reactor.getThreadPool(), work)) == []


class SlowSettings(Settings):
    """A service that takes its time."""


@service("slow", SlowSettings)
def slow(settings: SlowSettings, context: Context) -> Parts:
    burn()
    return [Task(burn, lambda: None)]


def test_a_start_may_take_its_time(lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    with watching(monkeypatch) as watch:
        lab("[services.slow]\n", plugins=[slow]).stop()
    assert watch.found == []
