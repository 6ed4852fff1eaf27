"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["plugin_dirs"]

plugin_dirs = click.option(
    "--plugin-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Search the *.py files of this folder for plugins. May be repeated.",
)
