"""The watermark of memory, on a system of files that the test makes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger
from zope.interface.verify import verifyObject

from netforge.shared.layers.limits.memory import IMemory, Watermark, memory_limit, memory_used

MIB = 1024 * 1024


class Site:
    """A watermark at 80 of 100 MiB."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.used = 10 * MIB
        self.checks: dict[str, Callable[[], object]] = {}
        clock, log, health = cast(IReactorTime, self.clock), Logger(), cast(Any, self)
        self.watermark = Watermark(clock, log, health, 100 * MIB, 0.8, lambda: self.used)

    def watch(self, name: str, check: Callable[[], object]) -> Callable[[], None]:
        self.checks[name] = check
        return self.checks.clear

    def use(self, mebibytes: int) -> None:
        self.used = mebibytes * MIB
        self.clock.advance(1)


@pytest.fixture
def site() -> Site:
    site = Site()
    site.watermark.start()
    return site


def test_it_is_what_the_layer_needs(site: Site) -> None:
    assert verifyObject(IMemory, site.watermark)


def test_everybody_holds_from_the_watermark_on_until_there_is_some_room(site: Site, events: list[LogEvent]) -> None:
    told: list[bool] = []
    site.watermark.watch(told.append)
    for mebibytes in (79, 80, 85, 76, 75, 74, 79):
        site.use(mebibytes)
    assert told == [True, False]
    assert [(event["event"], event["used"] // MIB) for event in events] == [("memory", 80), ("memory", 74)]


def test_who_comes_later_is_told_and_who_goes_is_released(site: Site) -> None:
    site.use(90)
    told: list[bool] = []
    end = site.watermark.watch(told.append)
    assert told == [True]
    end()
    assert told == [True, False]
    site.use(10)
    assert told == [True, False]


def test_the_process_is_not_ready_while_memory_is_short(site: Site) -> None:
    site.checks["memory"]()
    site.use(90)
    with pytest.raises(MemoryError, match=f"{90 * MIB} of {100 * MIB} bytes"):
        site.checks["memory"]()


def test_it_can_be_stopped_and_started(site: Site) -> None:
    site.watermark.stop()
    assert (site.clock.getDelayedCalls(), site.checks) == ([], {})
    site.watermark.start()
    assert len(site.clock.getDelayedCalls()) == 1


def test_where_nobody_knows_the_limit_nobody_looks(site: Site) -> None:
    clock, health = Clock(), cast(Any, site)
    watermark = Watermark(cast(IReactorTime, clock), Logger(), health, 0, 0.8, lambda: 1)
    watermark.start()
    watermark.stop()
    assert clock.getDelayedCalls() == []


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


MEMINFO = {"proc/meminfo": "MemTotal:  1000 kB\nMemFree:  10 kB\n"}


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, 0),
        (MEMINFO, 1_024_000),
        ({**MEMINFO, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 1_024_000),
        ({**MEMINFO, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "5000\n"}, 5000),
        (
            {
                **MEMINFO,
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/memory.max": "5000\n",
                "sys/fs/cgroup/a/b/memory.high": "4000\n",
            },
            4000,
        ),
        ({**MEMINFO, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "6000\n"}, 6000),
        ({**MEMINFO, "proc/self/cgroup": "0::/../x\n", "sys/fs/cgroup/memory.max": "6000\n"}, 6000),
        (
            {
                **MEMINFO,
                "proc/self/cgroup": "9:cpu:/\n4:memory:/docker/x\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "7000\n",
            },
            7000,
        ),
        (
            {
                **MEMINFO,
                "proc/self/cgroup": "4:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            1_024_000,
        ),
    ],
)
def test_the_limit_is_the_least_that_any_group_or_the_machine_sets(
    tmp_path: Path, files: dict[str, str], limit: int
) -> None:
    assert memory_limit(write(tmp_path, files)) == limit


def test_what_is_used_is_the_resident_set(tmp_path: Path) -> None:
    assert memory_used(write(tmp_path, {"proc/self/statm": "9000 123 45 6 0 7 0\n"})) == 123 * os.sysconf("SC_PAGESIZE")
    assert memory_used(tmp_path / "nothing") == 0


@pytest.mark.real
def test_what_this_machine_says_is_plausible() -> None:
    assert 5 * MIB < memory_used() < memory_limit()
