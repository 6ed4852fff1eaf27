"""What systemd is told, over a real datagram socket in its place."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from netforge.host.systemd import Systemd


class Manager:
    """A NOTIFY_SOCKET, and what has arrived there."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(address)
        self.environment = {"NOTIFY_SOCKET": address.replace("\0", "@")}
        self.clock = Clock()

    def systemd(self, **environment: str) -> Systemd:
        return Systemd({**self.environment, **environment}, cast(IReactorTime, self.clock))

    def told(self) -> list[dict[str, str]]:
        """Every message since the last time."""
        messages: list[dict[str, str]] = []
        while True:
            try:
                message = self.socket.recv(4096).decode()
            except BlockingIOError:
                return messages
            messages.append(dict(line.split("=", 1) for line in message.split("\n")))


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify") if request.param == "path" else f"\0netforge-test-{os.getpid()}")
    yield made
    made.socket.close()


def test_it_is_told_of_every_turn_of_a_life(manager: Manager) -> None:
    systemd = manager.systemd()
    systemd.ready("serving 3 addresses")
    before = time.monotonic_ns() // 1000
    systemd.reloading()
    [ready, reloading] = manager.told()
    assert ready == {"READY": "1", "STATUS": "serving 3 addresses"}
    assert reloading.keys() == {"RELOADING", "MONOTONIC_USEC", "STATUS"}
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    systemd.stopping("draining")
    systemd.ready("a reload ended late")
    assert manager.told() == [{"STOPPING": "1", "STATUS": "draining"}]
    assert manager.clock.getDelayedCalls() == []


def test_the_watchdog_hears_of_the_reactor_at_half_of_its_patience(manager: Manager) -> None:
    systemd = manager.systemd(WATCHDOG_USEC="20000000", WATCHDOG_PID=str(os.getpid()))
    systemd.ready("")
    systemd.ready("after a reload")
    assert [sorted(one) for one in manager.told()] == [["READY", "STATUS"], ["WATCHDOG"], ["READY", "STATUS"]]
    for _ in range(3):
        manager.clock.advance(9.9)
        assert manager.told() == []
        manager.clock.advance(0.1)
        assert manager.told() == [{"WATCHDOG": "1"}]
    systemd.stopping("")
    manager.clock.advance(10)
    assert manager.told()[1:] == [{"WATCHDOG": "1"}]
    systemd.stopped()
    systemd.stopped()
    assert manager.clock.getDelayedCalls() == []


@pytest.mark.parametrize("environment", [{"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, {}])
def test_a_watchdog_of_nobody_or_of_another_process_hears_nothing(
    manager: Manager, environment: dict[str, str]
) -> None:
    manager.systemd(**environment).ready("")
    assert len(manager.told()) == 1
    assert manager.clock.getDelayedCalls() == []


def test_without_systemd_nothing_happens(events: list[LogEvent]) -> None:
    clock = Clock()
    systemd = Systemd({"WATCHDOG_USEC": "2000000"}, cast(IReactorTime, clock))
    systemd.ready("")
    systemd.reloading()
    systemd.stopping("")
    systemd.stopped()
    assert clock.getDelayedCalls() == []
    assert events == []


def test_a_manager_that_has_gone_is_no_harm(tmp_path: Path, events: list[LogEvent]) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}, cast(IReactorTime, Clock()))
    systemd.ready("")
    [event] = events
    assert event["what"] == "READY=1"
    assert "No such file" in event["reason"]
