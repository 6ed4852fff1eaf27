"""What runs on a host, for components that tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zope.interface import Interface

__all__ = ["IServices", "ServiceStatus"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service or shared component.

    :param name: its name in the settings.
    :param ready: whether it has started and is not stopping.
    :param connections: how many it has.
    """

    name: str
    ready: bool
    connections: int


class IServices(Interface):
    """What the settings ask for. The host itself offers it."""

    def services() -> Sequence[ServiceStatus]:
        """Everything, shared components first, in the order of their start."""
