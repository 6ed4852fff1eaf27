"""The commands that plugins contribute, as click's commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netforge.cli.launch import installed_reactor
from netforge.host.components import with_components
from netforge.host.discovery import Catalogue
from netforge.host.errors import ServiceFailed
from netforge.host.settings import SettingsError, read_document, read_table, read_text
from netforge.host.settings.document import Document
from netforge.host.settings.flags import Flag, flags, table
from netforge.host.settings.validation import validate
from netforge.plugin import Command, CommandFailed
from netforge.plugin.listen import ListenerTable

__all__ = ["groups"]

CONFIG = click.Option(
    ["--config"],
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The settings file of the server; by default forge.toml in this folder, if there is one.",
)


@cache
def groups() -> click.Group:
    """Every contributed command, in groups by its words: ``echo ping`` is ``ping`` in ``echo``."""
    root = click.Group()
    catalogue = Catalogue()
    for registry in (catalogue.services, catalogue.shared):
        for plugin in registry.working():
            for command in plugin.contributed(Command):
                *words, name = command.name.split()
                _group(root, words, plugin.title).add_command(_command(name, command))
    return root


def _group(root: click.Group, words: list[str], title: str) -> click.Group:
    for word in words:
        group = root.commands.get(word)
        if not isinstance(group, click.Group):
            group = click.Group(word, help=f"{title}.")
            root.add_command(group)
        root = group
    return root


def _command(name: str, command: Command[Any]) -> click.Command:
    offered = {flag.key: flag for flag in flags(command.options)}

    def run(config: Path | None = None, **given: Any) -> None:
        _run(command, _settings(command, config), [(offered[key], value) for key, value in given.items()])

    parameters = [*map(_parameter, offered.values()), *([CONFIG] if command.needs else [])]
    return click.Command(name, help=command.options.__doc__, callback=run, params=parameters)


def _parameter(flag: Flag) -> click.Parameter:
    if flag.required:
        return click.Argument([flag.key], metavar=flag.key.upper(), help=flag.help)
    names = [f"--{flag.name}", *([f"-{flag.short}"] if flag.short else [])]
    return click.Option([*names, flag.key], help=flag.help, is_flag=flag.switch, multiple=flag.repeated)


def _settings(command: Command[Any], config: Path | None) -> Document:
    """The settings of the components that a command needs: by default those of a server started in this folder."""
    default = Path.cwd() / "forge.toml"
    if config is None and command.needs and default.exists():
        config = default
    return read_text("", Path.cwd()) if config is None else read_document(config)


def _run(command: Command[Any], settings: Document, given: Iterable[tuple[Flag, Any]]) -> None:
    """Run a command on the process's reactor until it is done.

    :raises click.ClickException: if the options or settings are wrong, or if the command failed.
    """
    options = _options(command, list(_spread(given)))
    reactor: Any = installed_reactor()
    failures: list[Failure] = []

    def begin() -> None:
        work = with_components(
            command.name.replace(" ", "-"),
            command.needs,
            settings,
            reactor,
            lambda context: command.run(context, options),
        )
        done = Deferred.fromCoroutine(work)
        done.addErrback(failures.append).addBoth(lambda _: reactor.running and reactor.stop())

    reactor.callWhenRunning(reactor.callLater, 0, begin)
    reactor.run()
    for failure in failures:
        if failure.check(CommandFailed, SettingsError, ServiceFailed):
            raise click.ClickException(failure.getErrorMessage())
        failure.raiseException()


def _spread(given: Iterable[tuple[Flag, Any]]) -> Iterator[tuple[Flag, str | None]]:
    """What was given, one by one; click leaves what was not given empty."""
    for flag, value in given:
        if flag.switch:
            yield from [(flag, None)] * bool(value)
        elif flag.repeated:
            yield from ((flag, one) for one in value)
        elif value is not None:
            yield flag, value


def _options(command: Command[Any], given: list[tuple[Flag, str | None]]) -> Any:
    try:
        document = read_table({command.name: table(given)}, Path.cwd())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    key = ("services", command.name)
    options, _ = validate(document, key, document.tree["services"][command.name], command.options, ListenerTable)
    if document.problems:
        raise click.UsageError("\n".join(map(str, document.problems)))
    return options
