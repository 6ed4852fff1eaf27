"""Memory: before the kernel kills the process for what it uses, it accepts nothing more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import Interface, implementer

from netforge.plugin import IHealth

__all__ = ["IMemory", "Watermark", "memory_limit", "memory_used"]

#: Seconds from one look to the next.
PERIOD = 1.0
#: Connections are accepted again when usage is below the watermark by this part of the limit.
BELOW = 0.05

ROOT = Path("/")


class IMemory(Interface):
    """Tells whoever accepts connections when there is too little memory for them."""

    def watch(hold: Callable[[bool], object]) -> Callable[[], None]:  # noqa: N805  zope's have no self
        """Be told.

        :param hold: called with ``True`` when memory is short, now if it is already, and ``False`` when it is not.
        :return: ends the watch, with a last ``False`` if it has to.
        """


@implementer(IMemory)
class Watermark:
    """Looks every second at how much memory is used.

    :param clock: where the time comes from.
    :param log: where it is told.
    :param health: likewise.
    :param limit: bytes that the process may use; 0 if nobody knows.
    :param watermark: the part of them from which on memory is short.
    :param used: reads how many it uses.
    """

    def __init__(
        self,
        clock: IReactorTime,
        log: Logger,
        health: IHealth,
        limit: int,
        watermark: float,
        used: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._log = log
        self._health = health
        self._limit = limit
        self._high = int(limit * watermark)
        self._low = int(limit * (watermark - BELOW))
        self._used = used
        self._short = False
        self._holds: list[Callable[[bool], object]] = []
        self._call: IDelayedCall | None = None
        self._end_check: Callable[[], None] = _nothing

    def start(self) -> None:
        """Begin to look, unless there is nothing to look at."""
        if self._limit:
            self._end_check = self._health.watch("memory", self._check)
            self._look()

    def stop(self) -> None:
        """Look no more."""
        self._end_check()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def watch(self, hold: Callable[[bool], object]) -> Callable[[], None]:
        """See :meth:`IMemory.watch`."""
        self._holds.append(hold)
        if self._short:
            hold(True)

        def end() -> None:
            self._holds.remove(hold)
            if self._short:
                hold(False)

        return end

    def _look(self) -> None:
        self._call = self._clock.callLater(PERIOD, self._look)
        used = self._used()
        if self._short and used < self._low:
            self._log.info("memory is enough again: {used} of {limit} bytes", **self._fields(used))
        elif not self._short and used >= self._high:
            message = "memory is short, no connections are accepted: {used} of {limit} bytes are used"
            self._log.warn(message, **self._fields(used))
        else:
            return
        self._short = not self._short
        for hold in list(self._holds):
            hold(self._short)

    def _check(self) -> None:
        if self._short:
            raise MemoryError(f"{self._used()} of {self._limit} bytes are used: no connections are accepted")

    def _fields(self, used: int) -> dict[str, object]:
        return {"event": "memory", "used": used, "limit": self._limit}


def _nothing() -> None:
    """Nothing is checked yet."""


def memory_used(root: Path = ROOT) -> int:
    """Bytes of memory that this process uses itself (its resident set); 0 where the system does not say.

    :param root: where the system's files are.
    """
    try:
        pages = (root / "proc/self/statm").read_bytes().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGESIZE")


def memory_limit(root: Path = ROOT) -> int:
    """Bytes that it may use: what the machine has, or less where a control group says so; 0 where nobody does.

    :param root: where the system's files are.
    """
    return min(_limits(root), default=0)


def _limits(root: Path) -> Iterator[int]:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemTotal:"):
            yield int(line.split()[1]) * 1024
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield from _group_limits(root / "sys/fs/cgroup", path, ["memory.max", "memory.high"])
        elif "memory" in controllers.split(","):
            yield from _group_limits(root / "sys/fs/cgroup/memory", path, ["memory.limit_in_bytes"])


def _group_limits(mount: Path, path: str, names: list[str]) -> Iterator[int]:
    """The limits of a group and of all that it is in. In a container the path may begin where we cannot see it."""
    group = mount / path.lstrip("/")
    for folder in [group, *group.parents]:
        if folder.is_relative_to(mount):
            for name in names:
                for line in _lines(folder / name):
                    if line.isdecimal():
                        yield int(line)


def _lines(file: Path) -> list[str]:
    with suppress(OSError):
        return file.read_text().splitlines()
    return []
