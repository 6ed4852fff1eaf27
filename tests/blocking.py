"""A check that nothing holds the reactor: what a turn of a simulated one costs, and whether it waits for anything.

Wall-clock time says more of the machine that the tests share than of the code, so a turn is measured by the CPU time of
its thread, without that of garbage collection, and calls that wait are caught by Python's audit events. While a lab
starts, it may import and build as it likes: nobody is served yet.

What this cannot see: a read or write of a file on a slow disk, a lock that another thread holds, and what a C library
does without telling Python. What real sockets and TLS cost is not on the simulated network either.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import pytest

from netforge.testing import Lab, Network
from netforge.testing.network.culprits import is_tested, spell
from netforge.testing.network.schedule import Event, Schedule
from netforge.testing.network.threads import Baton

__all__ = ["LIMIT", "Watch", "nothing_blocks", "watching"]

#: Seconds of CPU time that a turn may take.
LIMIT = 0.05

#: The machine on which tests do what they do themselves, which may take as long as it likes.
CLIENT = "client"

#: What waits for something outside the process (the table of audit events in Python's documentation).
WAITING = frozenset(
    {
        "os.posix_spawn",
        "os.system",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "sqlite3.connect",
        "subprocess.Popen",
        "time.sleep",
        "urllib.Request",
    }
)


class Watch:
    """What was found in the turns of simulated reactors.

    :ivar found: one line on each.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self._turn = ""
        self._starting = 0

    def turn(self, call: Any, *arguments: Any) -> None:
        """Make a call, a turn of a reactor."""
        self._turn = f"{call.__qualname__}({', '.join(map(repr, arguments))})"
        gc.disable()
        before = time.thread_time()
        try:
            call(*arguments)
        finally:
            took = time.thread_time() - before
            gc.enable()
            if took > LIMIT and not self._starting:
                self.found.append(f"{self._turn} took {took * 1000:.0f} ms of CPU time")
            self._turn = ""

    def waits(self, what: str) -> None:
        """Somebody waits, maybe in a turn."""
        if self._turn and not self._starting:
            at: FrameType | None = sys._getframe(2)
            while at is not None and not is_tested(at.f_code.co_filename):
                at = at.f_back
            self.found.append(f"{what} in {spell(at or sys._getframe(2))}, in the turn {self._turn}")

    @contextmanager
    def leave(self) -> Iterator[None]:
        """What happens now is a start, or in another thread than the reactors'."""
        self._starting += 1
        try:
            yield
        finally:
            self._starting -= 1


_watches: list[Watch] = []
_hooked: list[bool] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in WAITING:
        for watch in _watches:
            watch.waits(event)


@contextmanager
def watching(patch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watch every network."""
    if not _hooked:  # which cannot be undone
        sys.addaudithook(_audit)
        _hooked.append(True)
    watch = Watch()

    def next_until(schedule: Schedule, deadline: float, original: Any = Schedule.next_until) -> Event | None:
        event: Event | None = original(schedule, deadline)
        if event is None or event.machine is None or event.machine.name == CLIENT:
            return event
        return event._replace(call=partial(watch.turn, event.call))

    def leaving(original: Any) -> Any:
        def left(*arguments: Any, **options: Any) -> Any:
            with watch.leave():
                return original(*arguments, **options)

        return left

    def fsync(descriptor: int, original: Any = os.fsync) -> None:
        watch.waits("os.fsync")
        original(descriptor)

    patch.setattr(Schedule, "next_until", next_until)
    patch.setattr(Lab, "__init__", leaving(Lab.__init__))
    patch.setattr(Network, "close", leaving(Network.close))
    patch.setattr(Baton, "_run", leaving(Baton._run))
    patch.setattr(os, "fsync", fsync)
    _watches.append(watch)
    try:
        yield watch
    finally:
        _watches.remove(watch)


@pytest.fixture(autouse=True)
def nothing_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test on the simulated network in which anything holds a reactor."""
    if "network" not in request.fixturenames:
        yield
        return
    with watching(monkeypatch) as watch:
        yield
    if watch.found:
        pytest.fail("the reactor was held:\n" + "\n".join(dict.fromkeys(watch.found)), pytrace=False)
