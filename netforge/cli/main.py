"""The ``netforge`` command."""

from __future__ import annotations

from pathlib import Path

import click

import netforge
from netforge.cli import contributed
from netforge.cli.checking import check
from netforge.cli.listing import plugins, schema, tree
from netforge.cli.new import write_plugin
from netforge.cli.running import run

__all__ = ["main"]


class Commands(click.Group):
    """The commands of this package, and those that plugins contribute, which are imported only when wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *sorted(contributed.groups().commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or contributed.groups().commands.get(cmd_name)


@click.group("netforge", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(netforge.__version__, prog_name="netforge")
def main() -> None:
    """Network services on Twisted: one process, one reactor, one settings file."""


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a plugin distribution, netforge-NAME, whose tests pass at once."""
    try:
        folder = write_plugin(name, Path.cwd())
    except (ValueError, FileExistsError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder.name} is written; its README.md says how to go on")


for command in (run, check, plugins, schema, tree, new):
    main.add_command(command)
