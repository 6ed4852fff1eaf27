"""The database behind :class:`netforge.plugin.IDatabase`."""

from netforge.shared.database.plugin import DatabaseSettings, database

__all__ = ["DatabaseSettings", "database"]
