"""Telling systemd how the service is, as ``sd_notify(3)`` does."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Systemd"]

log = Logger()


class Systemd:
    """The manager of this service. Without a NOTIFY_SOCKET there is none, and nothing happens at all.

    That it cannot be told is logged, and stops nothing.

    :param environment: the process's: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
    :param clock: the reactor's: a reactor that is held no longer answers for the watchdog, and systemd restarts it.
    """

    def __init__(self, environment: Mapping[str, str], clock: IReactorTime) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._clock = clock
        self._interval = _watchdog(environment) / 2
        self._call: IDelayedCall | None = None
        self._ending = False

    def ready(self, status: str) -> None:
        """Everything serves, also after a reload, whether or not that changed anything. Too late once it stops.

        :param status: one line for people.
        """
        if self._ending:
            return
        self._tell("READY=1", f"STATUS={status}")
        if self._call is None and self._address and self._interval:
            self._answer_watchdog()

    def reloading(self) -> None:
        """A reload begins."""
        # What Type=notify-reload compares with the time of its signal.
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={microseconds}", "STATUS=reloading")

    def stopping(self, status: str) -> None:
        """The end begins.

        :param status: one line for people.
        """
        self._ending = True
        self._tell("STOPPING=1", f"STATUS={status}")

    def stopped(self) -> None:
        """Nothing runs any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _answer_watchdog(self) -> None:
        self._call = self._clock.callLater(self._interval, self._answer_watchdog)
        self._tell("WATCHDOG=1")

    def _tell(self, *assignments: str) -> None:
        if not self._address:
            return
        # "@" stands for the NUL that begins the name of an abstract socket (unix(7)).
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.setblocking(False)
            try:
                sending.sendto("\n".join(assignments).encode(), address)
            except OSError as error:
                log.warn("systemd is not told {what}: {reason}", what=assignments[0], reason=str(error))


def _watchdog(environment: Mapping[str, str]) -> float:
    """The seconds within which systemd wants to hear of this process; 0 if it does not."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0
    return int(environment.get("WATCHDOG_USEC", "0")) / 1_000_000
