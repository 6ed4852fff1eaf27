"""The pages of services as a shared component."""

from __future__ import annotations

from netforge.plugin import Context, IPages, Offer, Parts, Settings, service
from netforge.shared.pages.inprocess import InProcessPages

__all__ = ["PagesSettings", "pages"]


class PagesSettings(Settings):
    """Pages that services have."""


@service("pages", PagesSettings, offers=[IPages])
def pages(settings: PagesSettings, context: Context) -> Parts:
    """Applications by name, over reloads."""
    return [Offer(IPages, context.keep("pages", InProcessPages))]
