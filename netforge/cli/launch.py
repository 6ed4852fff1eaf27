"""Launching a forge: signals, the table when it is ready, and how the process ends."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.cli.sources import Source
from netforge.host import BindError, Forge, Serving, SettingsError
from netforge.plugin import IReactor

__all__ = ["Launcher", "installed_reactor", "launcher", "table"]

log = Logger()


def launcher(source: Source, ready_file: Path | None, failed: Callable[[], object]) -> Launcher:
    """A launcher on the reactor that is installed, or that Twisted installs now.

    :raises SystemExit: if the settings cannot be used: with every problem, before anything was started.
    """
    try:
        blueprint = source.read()
    except (SettingsError, OSError) as error:
        raise SystemExit(f"{source.name}: {error.strerror}" if isinstance(error, OSError) else str(error)) from None
    for warning in blueprint.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    reactor = installed_reactor()
    return Launcher(Forge(blueprint, reactor, source.read), reactor, ready_file, failed)


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

    :param ready_file: where to write the table as JSON; removed when the process starts and when it stops.
    :param failed: called when the forge could not start; the reactor stops then.
    """

    def __init__(self, forge: Forge, reactor: IReactor, ready_file: Path | None, failed: Callable[[], object]) -> None:
        self.forge = forge
        self._reactor = reactor
        self._ready_file = ready_file.absolute() if ready_file else None
        self._failed = failed
        self._stopping = False

    def privilegedStartService(self) -> None:
        """Bind the internet ports, while there are privileges."""
        _in_one_line(self.forge.privilegedStartService)

    def startService(self) -> None:
        """Start the forge and take the signals once the reactor runs."""
        super().startService()
        self._remove_ready_file()
        # Before the forge, which may be ready at once: who reads that it is may signal.
        self._reactor.callWhenRunning(self._take_signals)
        _in_one_line(self.forge.startService)
        self.forge.when_ready().addCallbacks(self._ready, self._not_ready)

    def stopService(self) -> Deferred[None]:
        """Stop the forge."""
        super().stopService()
        self._stopping = True
        return self.forge.stopService().addBoth(self._stopped)

    def _take_signals(self) -> None:
        # Twisted's own handlers would make twistd end by the signal instead of with status 0.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._reactor.callFromThread(self._stop))
        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._reload))

    def _stop(self) -> None:
        if self._stopping:
            log.info("cutting what has not finished")
            self.forge.cut()
        else:
            self._stopping = True
            log.info("stopping: connections may finish; signal again to cut them")
            self._reactor.stop()

    def _reload(self) -> None:
        self.forge.reload().addCallbacks(self._reloaded, self._not_reloaded)

    def _reloaded(self, change: object) -> None:
        log.info("reloaded: {change}", change=change)
        self._write_ready_file()

    def _not_reloaded(self, failure: Failure) -> None:
        error = failure.value
        for reason in error.problems if isinstance(error, SettingsError) else [error]:
            log.error("not reloaded: {reason}", reason=reason)
        log.error("everything goes on as it was")

    def _ready(self, _: object) -> None:
        self._write_ready_file()
        # twistd turns sys.stdout into the log; the table is for the person who typed the command.
        if sys.__stdout__ is not None:
            sys.__stdout__.write(table(self.forge.blueprint.host.state, self.forge.serving))
            sys.__stdout__.flush()

    def _not_ready(self, failure: Failure) -> None:
        if failure.check(CancelledError):  # stopped while it was starting
            return
        self._failed()
        self._stopping = True
        self._reactor.stop()

    def _stopped(self, result: Any) -> Any:
        self._remove_ready_file()
        return result

    def _write_ready_file(self) -> None:
        if self._ready_file is None:
            return
        services = [
            {"name": one.name, "protocol": one.protocol, "address": one.address, "try": one.try_it}
            for one in self.forge.serving
        ]
        content = json.dumps({"state": str(self.forge.blueprint.host.state), "services": services}, indent=2)
        with NamedTemporaryFile("w", dir=self._ready_file.parent, prefix=self._ready_file.name, delete=False) as file:
            file.write(content + "\n")
        Path(file.name).replace(self._ready_file)

    def _remove_ready_file(self) -> None:
        if self._ready_file is not None:
            self._ready_file.unlink(missing_ok=True)


def table(state: Path, rows: Sequence[Serving]) -> str:
    """What serves where, for people. Lines are never wrapped, so that the commands can be copied."""
    heads = ("service", "protocol", "address", "try")
    cells = [heads, *((row.name, row.protocol, row.address, row.try_it) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "\n".join(["", *lines, "", f"netforge is ready. State: {state}", ""])


def _in_one_line(start: Callable[[], object]) -> None:
    """Call what may find an address taken. twistd lets that reach the interpreter: one line is enough for it."""
    try:
        start()
    except BindError:
        sys.tracebacklimit = 0
        raise
