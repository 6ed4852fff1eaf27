"""What is behind :class:`netforge.plugin.IPages`."""

from netforge.shared.pages.inprocess import InProcessPages
from netforge.shared.pages.plugin import PagesSettings, pages

__all__ = ["InProcessPages", "PagesSettings", "pages"]
