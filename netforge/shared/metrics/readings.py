"""Numbers and checks for whoever shows them."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from zope.interface import implementer

from netforge.plugin import IReadings
from netforge.shared.metrics.health import Health
from netforge.shared.metrics.numbers import Numbers

__all__ = ["Readings"]


@implementer(IReadings)
class Readings:
    """What a host's numbers and checks say now."""

    def __init__(self, numbers: Numbers, health: Health) -> None:
        self._numbers = numbers
        self._health = health

    def numbers(self, accept: str) -> tuple[str, bytes]:
        """See :meth:`netforge.plugin.IReadings.numbers`."""
        return self._numbers.show(accept)

    def health(self) -> Awaitable[Mapping[str, str]]:
        """See :meth:`netforge.plugin.IReadings.health`."""
        return self._health.look()
