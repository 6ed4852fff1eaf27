"""The ``twistd`` plugins of netforge, which import what they launch only when they are chosen.

``twistd`` imports its drop-in whichever plugin it runs, so nothing here may import a reactor or pydantic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.plugin import IPlugin
from zope.interface import implementer

__all__ = ["LazyServiceMaker"]


@implementer(IPlugin, IServiceMaker)
class LazyServiceMaker:
    """A ``twistd`` subcommand.

    :param tapname: the subcommand.
    :param description: its line in ``twistd --help``.
    :param service: the service that it runs; with ``None``, a settings file or the lab.
    """

    def __init__(self, tapname: str, description: str, service: str | None = None) -> None:
        self.tapname = tapname
        self.description = description
        self._service = service

    @property
    def options(self) -> Callable[[], Any]:
        """Makes the subcommand's options."""
        from netforge.cli import twistd

        return twistd.ForgeOptions if self._service is None else twistd.options_of(self._service)

    def makeService(self, options: Any) -> Any:
        """Make what the subcommand runs."""
        from netforge.cli import twistd

        return twistd.make_service(options)
