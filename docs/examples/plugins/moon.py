"""How full the moon is, on a page."""

from math import cos, tau

from netforge.plugin import Context, IPages, Parts, Settings, service
from netforge.web import Site

#: A full moon, in Unix time, and the seconds from one to the next.
FULL, MONTH = 979_172_400, 2_551_443


class MoonSettings(Settings):
    """How full the moon is."""


@service("moon", MoonSettings, needs=[IPages])
def moon(settings: MoonSettings, context: Context) -> Parts:
    """A site of one page."""
    site = Site()

    @site.get("/")
    def show() -> str:
        """Say how much of it is lit, in percent."""
        lit = (1 + cos((context.clock.seconds() - FULL) / MONTH * tau)) / 2
        return f"The moon is lit by {lit:.0%}.\n"

    yield context[IPages].publish(context.name, site)
