"""Signals, of which uvloop has the wake-up descriptor."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Protocol

from twisted.internet.process import reapAllProcesses

__all__ = ["ChildSignals"]


class _Handling(Protocol):
    def install(self) -> None: ...
    def uninstall(self) -> None: ...


class ChildSignals:
    """Reaps child processes on ``SIGCHLD``, besides what another handling of signals does.

    :param others: the handling of the other signals.
    :param call_soon: calls a function in a later turn of the reactor, wherever the signal interrupts it.
    """

    def __init__(self, others: _Handling, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._others = others
        self._call_soon = call_soon
        self._installed = False

    def install(self) -> None:
        self._others.install()
        signal.signal(signal.SIGCHLD, lambda number, frame: self._call_soon(reapAllProcesses))
        signal.siginterrupt(signal.SIGCHLD, False)
        self._installed = True
        # Some may have ended before.
        reapAllProcesses()

    def uninstall(self) -> None:
        if self._installed:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._others.uninstall()
            self._installed = False
