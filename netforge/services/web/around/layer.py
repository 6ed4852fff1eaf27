"""What a layer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netforge.plugin import Context
from netforge.protocols.http import Application

__all__ = ["Layer", "Premises"]

#: Puts something around an application.
Layer = Callable[[Application], Application]


@dataclass(frozen=True, slots=True)
class Premises:
    """Where a layer is made.

    :param context: the surroundings of the service.
    :param site: the site's name in the settings.
    :param https_port: where the service speaks TLS.
    """

    context: Context
    site: str
    https_port: int = 443
