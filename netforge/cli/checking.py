"""``netforge check``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from netforge.cli.options import plugin_dirs
from netforge.host import SettingsError
from netforge.host.settings import draw, read_document
from netforge.host.settings.mending import mend

__all__ = ["check"]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--fix", is_flag=True, help="Rename old keys in the file.")
@plugin_dirs
def check(file: Path, fix: bool, plugin_dir: tuple[Path, ...]) -> None:
    """Check a settings FILE without starting anything. Exits with 1 if anything is wrong."""
    document = read_document(file)
    try:
        blueprint = draw(document, plugin_dirs=plugin_dir)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(1)
    if fix:
        for path, count in mend(document, blueprint.renames).items():
            click.echo(f"{path}: {count} key{'s' if count > 1 else ''} renamed")
    else:
        for warning in blueprint.warnings:
            click.echo(f"warning: {warning}", err=True)
    count = sum(not plan.plugin.offers for plan in blueprint.plans)
    click.echo(f"{file} is right: {count} service{'' if count == 1 else 's'}")
