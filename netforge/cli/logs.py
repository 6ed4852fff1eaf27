"""Logging until a ``[shared.log]`` takes over, and when it has gone."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, textFileLogObserver
from zope.interface import implementer

from netforge.shared.logs.formats import as_colour, as_text
from netforge.shared.logs.observer import Observer
from netforge.shared.logs.sinks import STANDARD_ERROR, StreamSink
from netforge.shared.logs.writer import Writer

__all__ = ["Interim", "for_twistd", "on_standard_error"]

#: Seconds that the last lines have at the end of the process.
LAST_WORDS = 1.0


@implementer(ILogObserver)
class Interim:
    """Passes on every event while no ``[shared.log]`` takes them, and always those that tell how that one is.

    :param observe: the observer that they are for.
    """

    def __init__(self, observe: Callable[[LogEvent], object]) -> None:
        self._observe = observe
        self._taken = False

    def __call__(self, event: LogEvent) -> None:
        self._taken = event.get("log_moved", self._taken)
        if not self._taken or event.get("event") == "log":
            self._observe(event)


def on_standard_error() -> Interim:
    """On standard error by a thread of its own, in colour on a terminal."""
    writer = Writer(StreamSink(STANDARD_ERROR))
    writer.start()

    def finish() -> None:
        writer.close()
        writer.join(LAST_WORDS)

    atexit.register(finish)
    return Interim(Observer(as_colour if os.isatty(STANDARD_ERROR) else as_text, writer))


def for_twistd() -> Interim:
    """What ``twistd --logger=netforge.cli.logs.for_twistd`` logs with: as twistd itself does on a terminal."""
    # Without a thread, which a process that goes to the background would lose.
    return Interim(textFileLogObserver(sys.stdout))
