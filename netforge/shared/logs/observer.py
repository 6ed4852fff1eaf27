"""The observer that makes lines of events."""

from __future__ import annotations

from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

from netforge.shared.logs.formats import Format
from netforge.shared.logs.writer import Writer

__all__ = ["Observer"]


@implementer(ILogObserver)
class Observer:
    """Has every event written.

    :param form: makes a line of it.
    :param writer: writes that, later.
    """

    def __init__(self, form: Format, writer: Writer) -> None:
        self._form = form
        self._writer = writer

    def __call__(self, event: LogEvent) -> None:
        if line := self._form(event):
            self._writer.put(line.encode(errors="backslashreplace"))
