"""How much memory objects hold: the sizes of everything that can be reached from them.

That is what a connection costs, and the same in every run. Measuring the whole process instead would count what the
simulated network keeps of its own, and every module that happens to be imported meanwhile. What it does not see:
buffers inside C extensions that do not tell their size (those of OpenSSL), and what is kept in the globals of modules.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.base import ReactorBase
from twisted.logger import Logger
from zope.interface.interface import Specification

from netforge.testing.network import Machine, Network
from netforge.testing.network.sockets import Socket

__all__ = ["held_by"]

#: What belongs to the program, or to the simulation, rather than to a connection.
_FOREIGN = (type, ModuleType, CodeType, FrameType, Specification, Logger)
_SIMULATED = (ReactorBase, FileDescriptor, Network, Machine, Socket)


def held_by(*roots: object) -> dict[str, int]:
    """Bytes of what can be reached from objects, by the names of the types."""
    sizes: Counter[str] = Counter()
    seen: set[int] = set()
    waiting: list[Any] = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _FOREIGN + _SIMULATED):
            continue
        seen.add(id(one))
        sizes[type(one).__name__] += sys.getsizeof(one)
        waiting += _parts(one)
    return dict(sizes)


def _parts(one: Any) -> list[Any]:
    if isinstance(one, FunctionType):
        # Not its globals.
        return [one.__closure__, one.__defaults__, one.__kwdefaults__, one.__dict__]
    return gc.get_referents(one)
