"""The files behind :class:`netforge.plugin.IFiles`."""

from netforge.shared.files.plugin import FilesSettings, files

__all__ = ["FilesSettings", "files"]
