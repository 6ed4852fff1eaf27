"""``netforge run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from twisted.application.reactors import NoSuchReactor, installReactor
from twisted.logger import Logger, globalLogBeginner

import netforge.reactor
from netforge.cli import sources
from netforge.cli.launch import installed_reactor, launcher
from netforge.cli.logs import on_standard_error
from netforge.cli.options import plugin_dirs
from netforge.host import BindError

__all__ = ["run"]

log = Logger()


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@plugin_dirs
@click.option("--state", type=click.Path(path_type=Path), help="The folder for what outlives restarts, of the lab.")
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help="Write what serves where to this file, as JSON, when ready."
)
@click.option("--free-ports", is_flag=True, help="Let the system choose the ports of the lab.")
@click.option(
    "--reactor",
    "reactor_name",
    help="The reactor: forge, epoll, asyncio ...; see twistd --help-reactors. By default forge, or Twisted's own where "
    "uvloop is not installed.",
)
def run(
    file: Path | None,
    plugin_dir: tuple[Path, ...],
    state: Path | None,
    ready_file: Path | None,
    free_ports: bool,
    reactor_name: str | None,
) -> None:
    """Run a settings FILE in the foreground, or a lab of every service.

    SIGTERM or Ctrl-C drains and stops, a second one cuts; SIGHUP reloads the file.
    """
    if file is not None:
        for option in ["--state"] * (state is not None) + ["--free-ports"] * free_ports:
            raise click.UsageError(f"give either FILE or {option}, not both")
    globalLogBeginner.beginLoggingTo([on_standard_error()], redirectStandardIO=False)
    _install(reactor_name)
    if file is not None:
        source = sources.from_file(file, plugin_dir)
    else:
        source = sources.lab(state, free_ports=free_ports, plugin_dirs=plugin_dir)
    failures: list[bool] = []
    service = launcher(source, ready_file, lambda: failures.append(True))
    reactor: Any = installed_reactor()
    try:
        service.privilegedStartService()
        service.startService()
    except BindError as error:
        raise click.ClickException(str(error)) from None
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    sys.exit(1 if failures else 0)


def _install(name: str | None) -> None:
    """Install a reactor by its name, or else the fastest that can be had."""
    if name is None:
        try:
            netforge.reactor.install()
        except ImportError:
            log.info("uvloop is not installed, so this runs on Twisted's own reactor: slower, but otherwise the same")
        return
    try:
        installReactor(name)
    except NoSuchReactor:
        raise click.BadParameter(f"there is no reactor {name!r}", param_hint="--reactor") from None
    except ImportError as error:
        raise click.BadParameter(f"{name} cannot be had: {error}", param_hint="--reactor") from None
