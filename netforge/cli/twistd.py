"""``twistd netforge`` and ``twistd forge-NAME``: their options, and what they run."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from twisted.python import usage

from netforge.cli import sources
from netforge.cli.launch import Launcher, launcher
from netforge.host.discovery import Catalogue, PluginBroken
from netforge.host.settings.flags import Flag, flags, table

__all__ = ["ForgeOptions", "make_service", "options_of"]


class CommonOptions(usage.Options):
    """What every launch takes."""

    optParameters: ClassVar = [
        ["state", None, None, "the folder for what outlives restarts"],
        ["ready-file", None, None, "write what serves where to this file, as JSON, once everything serves"],
    ]

    @property
    def ready_file(self) -> Path | None:
        """The file to write when ready."""
        return self.path("ready-file")

    def path(self, name: str) -> Path | None:
        """The value of an option that is a path."""
        return Path(self[name]) if self[name] else None


class ServiceOptions(CommonOptions):
    """The flags of one service; made for each by :func:`options_of`."""

    service: str

    def __init__(self) -> None:
        self.given: list[tuple[Flag, str | None]] = []
        super().__init__()

    def source(self, plugin_dirs: Sequence[Path] = (), state: Path | None = None) -> sources.Source:
        """The settings that the flags make.

        :param state: the folder for what outlives restarts, unless a flag names one.
        """
        try:
            settings = table(self.given)
        except ValueError as error:
            raise SystemExit(str(error)) from None
        return sources.from_flags(self.service, settings, self.path("state") or state, plugin_dirs)


class ForgeOptions(CommonOptions):
    """``twistd netforge``: the lab, a file, or one service."""

    optParameters: ClassVar = [["config", "c", None, "the settings file to run; without one, the lab"]]
    optFlags: ClassVar = [["free-ports", None, "let the system choose the ports of the lab"]]
    longdesc = "Without a settings file and a service: a lab of every service, on loopback."

    def __init__(self) -> None:
        self.plugin_dirs: list[Path] = []
        super().__init__()

    def opt_plugin_dir(self, folder: str) -> None:
        """Search the *.py files of this folder for plugins. May be repeated."""
        if not Path(folder).is_dir():
            raise usage.UsageError(f"--plugin-dir: there is no folder {folder!r}")
        self.plugin_dirs.append(Path(folder))

    @property
    def subCommands(self) -> list[list[Any]]:
        """A subcommand for each service. Only the one that is chosen is imported, and all of them for ``--help``."""
        names = Catalogue(self.plugin_dirs).services.names
        return [[name, None, lambda name=name: self._options_of(name)(), f"Run {name} by flags."] for name in names]

    def postOptions(self) -> None:
        service = f"the service {self.subCommand}" if self.subCommand else None
        config, state, free_ports = (f"--{name}" if self[name] else None for name in ("config", "state", "free-ports"))
        for one, other in ((config, service), (config, state), (config, free_ports), (free_ports, service)):
            if one and other:
                raise usage.UsageError(f"give either {one} or {other}, not both")

    def source(self) -> sources.Source:
        """The settings to launch from."""
        if self.subCommand:
            service: ServiceOptions = self.subOptions
            return service.source(self.plugin_dirs, self.path("state"))
        if config := self.path("config"):
            return sources.from_file(config, self.plugin_dirs)
        return sources.lab(self.path("state"), free_ports=bool(self["free-ports"]), plugin_dirs=self.plugin_dirs)

    def _options_of(self, name: str) -> type[ServiceOptions]:
        return options_of(name, self.plugin_dirs)


def options_of(name: str, plugin_dirs: Sequence[Path] = ()) -> type[ServiceOptions]:
    """The options of one service, made from its settings.

    :raises usage.UsageError: if its plugin is broken.
    """
    try:
        plugin = Catalogue(plugin_dirs).services.get(name)
    except PluginBroken as broken:
        raise usage.UsageError(str(broken)) from None
    options = {f"opt_{flag.name.replace('-', '_')}": _option(flag) for flag in flags(plugin.settings)}
    return type("ServiceOptions", (ServiceOptions,), {"service": name, "longdesc": plugin.title, **options})


def _option(flag: Flag) -> Callable[..., None]:
    if flag.switch:

        def switch(self: ServiceOptions) -> None:
            self.given.append((flag, None))

        option: Callable[..., None] = switch
    else:

        def value(self: ServiceOptions, text: str) -> None:
            self.given.append((flag, text))

        option = value
    option.__doc__ = flag.help + (" May be repeated." if flag.repeated else "")
    return option


def make_service(options: ForgeOptions | ServiceOptions) -> Launcher:
    """What twistd runs.

    :raises SystemExit: if the settings cannot be used.
    """
    service = options if isinstance(options, ServiceOptions) or not options.subCommand else options.subOptions
    return launcher(options.source(), service.ready_file or options.ready_file, _leave_with_one)


def _leave_with_one() -> None:
    """Make the process end with status 1: twistd itself would end with 0 when the reactor has stopped."""
    atexit.register(_leave, 1)


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
