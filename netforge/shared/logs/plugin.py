"""The log as a shared component."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogPublisher,
)
from twisted.python.failure import Failure

from netforge.plugin import Context, Field, IHealth, IMetrics, Parts, Settings, Task, service
from netforge.shared.logs.formats import Format, as_colour, as_json, as_text
from netforge.shared.logs.observer import Observer
from netforge.shared.logs.sinks import STANDARD_ERROR, FileSink, Sink, StreamSink
from netforge.shared.logs.writer import Writer

__all__ = ["LogSettings", "log"]

#: Seconds that the lines which wait at the end have to be written.
LAST_WORDS = 2.0

Level = Literal["debug", "info", "warn", "error", "critical"]


class LogSettings(Settings):
    """The log: where it goes, and how it looks."""

    format: Literal["json", "text", "colour"] = Field(
        "colour", description="json for programs; text for people; colour on terminals and text elsewhere"
    )
    file: Path | None = Field(None, description="the file that it goes to; standard error if left out")
    level: Level = Field("info", description="the least that is written")
    levels: dict[str, Level] = Field({}, description="the same for single services, by their names")
    rotate: int = Field(0, ge=0, description="bytes beyond which the file is put aside as FILE.1; 0 for never")
    keep: int = Field(5, ge=1, description="how many files that were put aside are kept")


@service("log", LogSettings, needs=[IMetrics, IHealth], exclusive=True)
def log(settings: LogSettings, context: Context) -> Parts:
    """One observer of Twisted's log, and the thread that writes for it."""
    if settings.file is not None and not settings.file.parent.is_dir():
        raise ValueError(f"there is no folder {settings.file.parent}")
    return [Logging(settings, context).task]


class Logging:
    """The log of this process while the component runs."""

    def __init__(self, settings: LogSettings, context: Context) -> None:
        self.task = Task(self._start, self._stop, name="the log")
        self._settings = settings
        self._context = context
        self._destination = "standard error" if settings.file is None else str(settings.file)

    def _start(self) -> None:
        context, settings = self._context, self._settings
        dropped = context[IMetrics].counter("netforge_log_dropped_lines_total", "Lines of the log that were dropped")
        self._writer = Writer(_sink(settings), dropped.inc)
        self._writer.start()
        self._end_watch = context[IHealth].watch(context.name, self._writer.check)
        context.log.info("the log goes to {to}", event="log", to=self._destination, log_moved=True)
        self._observer = FilteringLogObserver(Observer(_format(settings), self._writer), [_levels(settings)])
        globalLogPublisher.addObserver(self._observer)

    def _stop(self) -> Deferred[None]:
        globalLogPublisher.removeObserver(self._observer)
        self._context.log.info("the log no longer goes to {to}", event="log", to=self._destination, log_moved=False)
        self._end_watch()
        reactor = self._context.reactor
        closed: Deferred[None] = Deferred()
        self._writer.close(lambda: reactor.callFromThread(closed.callback, None))
        return closed.addTimeout(LAST_WORDS, reactor).addErrback(self._lost)

    def _lost(self, failure: Failure) -> None:
        failure.trap(defer.TimeoutError)
        self._context.log.error("the last lines of the log could not be written", event="log")


def _sink(settings: LogSettings) -> Sink:
    if settings.file is None:
        return StreamSink(STANDARD_ERROR)
    return FileSink(settings.file, settings.rotate, settings.keep)


def _format(settings: LogSettings) -> Format:
    if settings.format == "json":
        return as_json
    terminal = settings.file is None and os.isatty(STANDARD_ERROR)
    return as_colour if settings.format == "colour" and terminal else as_text


def _levels(settings: LogSettings) -> LogLevelFilterPredicate:
    levels = LogLevelFilterPredicate(LogLevel.levelWithName(settings.level))
    for service_name, level in settings.levels.items():
        levels.setLogLevelForNamespace(f"netforge.{service_name}", LogLevel.levelWithName(level))
    return levels
