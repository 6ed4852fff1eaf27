"""The log: every event of the process as a line of JSON or of text, written where nothing can hold the reactor up."""

from netforge.shared.logs.plugin import LogSettings, log

__all__ = ["LogSettings", "log"]
