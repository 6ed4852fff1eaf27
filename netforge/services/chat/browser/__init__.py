"""The wire for people in browsers: a page, and WebSockets that speak JSON as programs do."""

from netforge.services.chat.browser.site import chat_site
from netforge.services.chat.browser.visitors import Visitors

__all__ = ["Visitors", "chat_site"]
