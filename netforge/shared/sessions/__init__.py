"""Sessions and cache behind :class:`netforge.plugin.ISessions`."""

from netforge.shared.sessions.plugin import SessionsSettings, sessions

__all__ = ["SessionsSettings", "sessions"]
