"""Launching a forge: signals, the table when it is ready, and how the process ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.cli.readyfile import ReadyFile
from netforge.cli.sources import Source
from netforge.host import BindError, Forge, Serving, SettingsError
from netforge.host.systemd import Systemd
from netforge.plugin import IReactor

__all__ = ["Launcher", "installed_reactor", "launcher", "table"]

log = Logger()


def launcher(source: Source, ready_file: Path | None, failed: Callable[[], object]) -> Launcher:
    """A launcher on the reactor that is installed, or that Twisted installs now.

    A SIGHUP that comes from now on is answered by a reload when everything serves.

    :raises SystemExit: if the settings cannot be used: with every problem, before anything was started; or if the
        ready file cannot be written.
    """
    hangups: list[int] = []
    _take_signal(signal.SIGHUP, lambda: hangups.append(signal.SIGHUP))
    try:
        ready = ReadyFile(ready_file)
    except ValueError as error:
        raise SystemExit(f"--ready-file: {error}") from None
    try:
        blueprint = source.read()
    except OSError as error:
        raise SystemExit(f"{source.name}: {error.strerror}") from None
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    for warning in blueprint.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    reactor = installed_reactor()
    forge = Forge(blueprint, reactor, source.read)
    return Launcher(forge, reactor, ready, Systemd(os.environ, reactor), failed, hangups)


def installed_reactor() -> IReactor:
    """The process's reactor; Twisted's default one is installed if there is none.

    The one place in netforge that asks for it: everything else is given it.
    """
    from twisted.internet import reactor  # noqa: TID251

    return cast(IReactor, reactor)


class Launcher(Service):
    """Runs a forge as the work of this process.

    The first SIGTERM or SIGINT drains, a second one cuts; SIGHUP reloads. When everything serves, the table of what
    serves where is printed, and written to the ready file.

    :param ready_file: holds the table for scripts; cleared once the ports are bound, removed when the process stops.
    :param systemd: told how it stands.
    :param failed: called when the forge could not start; the reactor stops then.
    :param hangups: the SIGHUPs that no reload has answered yet. One answers all that came before it.
    """

    def __init__(
        self,
        forge: Forge,
        reactor: IReactor,
        ready_file: ReadyFile,
        systemd: Systemd,
        failed: Callable[[], object],
        hangups: list[int],
    ) -> None:
        self.forge = forge
        self._reactor = reactor
        self._ready_file = ready_file
        self._systemd = systemd
        self._failed = failed
        self._hangups = hangups
        self._busy = True
        self._stopping = False

    def privilegedStartService(self) -> None:
        """Bind the internet ports, while there are privileges."""
        _in_one_line(self.forge.privilegedStartService)

    def startService(self) -> None:
        """Start the forge and take the signals once the reactor runs."""
        super().startService()
        # Before the forge, which may be ready at once: who reads that it is may signal.
        self._reactor.callWhenRunning(self._take_signals)
        _in_one_line(self.forge.startService)
        # Not before: the file may be that of a process that holds the ports.
        self._ready_file.clear()
        self.forge.when_ready().addCallbacks(self._ready, self._not_ready)

    def stopService(self) -> Deferred[None]:
        """Stop the forge."""
        super().stopService()
        self._end("connections may finish")
        return self.forge.stopService().addBoth(self._stopped)

    def _take_signals(self) -> None:
        # Twisted's own handlers would make twistd end by the signal instead of with status 0.
        for number in (signal.SIGTERM, signal.SIGINT):
            _take_signal(number, lambda: self._reactor.callFromThread(self._stop))
        _take_signal(signal.SIGHUP, self._hung_up)

    def _stop(self) -> None:
        if self._stopping:
            log.info("cutting what has not finished")
            self.forge.cut()
        else:
            self._end("connections may finish")
            log.info("stopping: connections may finish; signal again to cut them")
            self._reactor.stop()

    def _end(self, status: str) -> None:
        """Tell the reason of the end, the first that there is."""
        if not self._stopping:
            self._stopping = True
            self._systemd.stopping(status)

    def _hung_up(self) -> None:
        # Noted at once, so that a reload that blocks the reactor answers no more often than one that does not.
        self._hangups.append(signal.SIGHUP)
        self._reactor.callFromThread(self._reload)

    def _reload(self) -> None:
        """Reload if that is wanted, unless the start or another reload is under way."""
        if self._hangups and not self._busy:
            self._busy = True
            self._hangups.clear()
            self._systemd.reloading()
            self.forge.reload().addCallbacks(self._reloaded, self._not_reloaded).addBoth(self._idle)

    def _idle(self, result: Any) -> Any:
        self._busy = False
        self._reload()
        return result

    def _reloaded(self, change: object) -> None:
        log.info("reloaded: {change}", change=change)
        self._tell()

    def _not_reloaded(self, failure: Failure) -> None:
        error = failure.value
        for reason in error.problems if isinstance(error, SettingsError) else [error]:
            log.error("not reloaded: {reason}", reason=reason)
        log.error("everything goes on as it was")
        self._systemd.ready("serving; the last reload failed, and the log says why")

    def _ready(self, _: object) -> None:
        self._tell()
        # twistd turns sys.stdout into the log; the table is for the person who typed the command.
        if sys.__stdout__ is not None:
            with suppress(OSError):  # nobody may read it any more
                sys.__stdout__.write(table(self.forge.blueprint.host.state, self.forge.serving))
                sys.__stdout__.flush()
        self._idle(None)

    def _tell(self) -> None:
        serving = self.forge.serving
        self._ready_file.write(self.forge.blueprint.host.state, serving)
        self._systemd.ready(f"serving {len(serving)} addresses")

    def _not_ready(self, failure: Failure) -> None:
        if failure.check(CancelledError):  # stopped while it was starting
            return
        self._failed()
        self._end("it cannot start, and the log says why")
        self._reactor.stop()

    def _stopped(self, result: Any) -> Any:
        self._ready_file.remove()
        self._systemd.stopped()
        return result


def table(state: Path, rows: Sequence[Serving]) -> str:
    """What serves where, for people. Lines are never wrapped, so that the commands can be copied."""
    heads = ("service", "protocol", "address", "try")
    cells = [heads, *((row.name, row.protocol, row.address, row.try_it) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "\n".join(["", *lines, "", f"netforge is ready. State: {state}", ""])


def _take_signal(number: signal.Signals, action: Callable[[], object]) -> None:
    with suppress(ValueError):  # only the main thread may
        signal.signal(number, lambda *_: action())


def _in_one_line(start: Callable[[], object]) -> None:
    """Call what may find an address taken. twistd lets that reach the interpreter: one line is enough for it."""
    try:
        start()
    except BindError:
        sys.tracebacklimit = 0
        raise
