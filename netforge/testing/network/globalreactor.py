"""What stands for Twisted's global reactor while a network runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import twisted.internet
from twisted.internet.interfaces import (
    IReactorCore,
    IReactorSSL,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUDP,
    IReactorUNIX,
)

__all__ = ["choose_reactors", "restore_reactor"]

_NAME = "twisted.internet.reactor"
_KINDS = (IReactorCore, IReactorTime, IReactorThreads, IReactorTCP, IReactorSSL, IReactorUDP, IReactorUNIX)

#: Given who asks, says which reactor is meant, or raises.
Choose = Callable[[FrameType], Any]


class _StandIn:
    """Whoever has got hold of it reaches the reactor of the machine that is running, and when none is, the real one."""

    choose: Choose | None = None

    def __getattr__(self, name: str) -> Any:
        if self.choose is not None:
            return getattr(self.choose(sys._getframe(1)), name)
        from twisted.internet import reactor  # noqa: PLC0415, TID251  outside the simulation there is only that

        return getattr(reactor, name)


_stand_in = _StandIn()
_installed: list[Any] = []


def choose_reactors(choose: Choose) -> None:
    """From now on, let the global reactor be what is chosen anew each time that it is used."""
    _stand_in.choose = choose
    real = sys.modules.get(_NAME)
    if real is not None:
        # Some modules keep hold of it.
        _installed.append(real)
        for name in _methods(real):
            setattr(real, name, partial(_forward, choose, name))
    sys.modules[_NAME] = _stand_in  # type: ignore[assignment]  # a reactor always stands in place of that module
    vars(twisted.internet)["reactor"] = _stand_in


def restore_reactor() -> None:
    """Let the global reactor be what it was."""
    _stand_in.choose = None
    del sys.modules[_NAME], vars(twisted.internet)["reactor"]
    if _installed:
        real = _installed.pop()
        for name in _methods(real):
            delattr(real, name)
        sys.modules[_NAME] = real
        vars(twisted.internet)["reactor"] = real


def _methods(real: Any) -> list[str]:
    names = {name for kind in _KINDS for name in kind.names(all=True)}
    return [name for name in names if callable(getattr(type(real), name, None))]


def _forward(choose: Choose, name: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(choose(sys._getframe(1)), name)(*args, **kwargs)
