"""What is left when everything should be gone."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Mapping
from typing import Any

from netforge.testing.network import Machine, Network

__all__ = ["leftovers", "open_files"]

#: Where a process sees its open files: on Linux, and elsewhere.
FOLDERS = ("/proc/self/fd", "/dev/fd")


def open_files() -> Mapping[int, str]:
    """This process's open files by their descriptors, each with what it leads to."""
    folder = next(filter(os.path.isdir, FOLDERS))
    found = {}
    for name in os.listdir(folder):  # noqa: PTH208  one system call, and so one open file, fewer
        try:
            found[int(name)] = os.readlink(f"{folder}/{name}")  # noqa: PTH115
        except OSError:  # the folder itself, which is closed by now
            continue
    return found


def leftovers(network: Network, machines: Iterable[Machine], files: Mapping[int, str]) -> list[str]:
    """Everything that servers have left behind, each in words. Their reactors are stopped to find the threads.

    :param machines: those that served, and should do nothing any more.
    :param files: what was open before they began.
    """
    machines = list(machines)
    found = []
    for machine in machines:
        found += [f"a delayed call of {_spelled(call)}" for call in machine.reactor.getDelayedCalls()]
        found += [f"an open socket at {machine.spell(one.local)}" for one in machine.kernel.sockets]
    gc.collect()
    # Twisted's ports keep that one, all of them together, for when there are no descriptors left.
    opened = [path for number, path in open_files().items() if files.get(number) != path and path != os.devnull]
    found += [f"the open file {path}" for path in opened]
    for machine in machines:
        if machine.reactor.running:
            machine.reactor.stop()
    network.run(0)
    return found + [f"the thread {name}" for name in network.threads.names]


def _spelled(call: Any) -> str:
    function = call.func
    return f"{getattr(function, '__qualname__', function)}, due in {call.getTime() - call.seconds():g} s"
