"""``netforge plugins``, ``netforge schema`` and ``netforge tree``: what there is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from netforge.cli import sources
from netforge.cli.options import plugin_dirs
from netforge.host import SettingsError
from netforge.host.discovery import Catalogue
from netforge.host.settings import Plan
from netforge.host.settings import schema as settings_schema

__all__ = ["plugins", "schema", "tree"]


@click.command()
@plugin_dirs
def plugins(plugin_dir: tuple[Path, ...]) -> None:
    """List the services, shared components and layers that are installed, and what is wrong with the broken ones."""
    catalogue = Catalogue(plugin_dir)
    listing = Table("name", "kind", "what it is", "from", box=None, pad_edge=False)
    for kind, registry in (("service", catalogue.services), ("shared", catalogue.shared)):
        for plugin in registry.working():
            listing.add_row(plugin.name, kind, escape(plugin.title), escape(registry.origin(plugin.name)))
    for layer in catalogue.layers.working():
        keys = ", ".join(layer.keys.model_fields)
        listing.add_row(layer.name, "layer", f"listener keys: {keys}", escape(catalogue.layers.origin(layer.name)))
    for registry in (catalogue.services, catalogue.shared, catalogue.layers):
        for broken in registry.broken():
            listing.add_row(f"[red]{escape(broken.name)}[/]", "broken", escape(broken.reason), escape(broken.origin))
    _console().print(listing)


@click.command()
@plugin_dirs
def schema(plugin_dir: tuple[Path, ...]) -> None:
    """Print the JSON Schema of settings files, for editors."""
    click.echo(json.dumps(settings_schema.schema(Catalogue(plugin_dir)), indent=2))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@plugin_dirs
def tree(file: Path | None, plugin_dir: tuple[Path, ...]) -> None:
    """Draw the service tree of a settings FILE, or of the lab, without starting anything."""
    try:
        source = sources.from_file(file, plugin_dir) if file else sources.lab_drawn(plugin_dir)
        blueprint = source.read()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    root = Tree(f"netforge [dim]{escape(source.name)}[/]")
    for plan in blueprint.plans:
        branch = root.add(f"[bold]{escape(plan.name)}[/] [dim]{escape(_nature(plan))}[/]")
        for line in _details(plan):
            branch.add(escape(line))
    _console().print(root)


def _nature(plan: Plan) -> str:
    return plan.plugin.title if plan.name == plan.plugin.name else f"{plan.plugin.name}: {plan.plugin.title}"


def _details(plan: Plan) -> Iterator[str]:
    for interface in plan.plugin.offers:
        yield f"offers {interface.__name__}"
    for interface, provider in plan.providers.items():
        yield f"needs {interface.__name__} from {provider}"
    for listener in plan.listeners:
        layers = [active.layer.name for active in reversed(listener.layers)]
        yield " -> ".join([str(listener.listen.address), *layers, "protocol"])


def _console() -> Console:
    """Rich's console; where the output is no terminal, lines are as long as they need to be."""
    return Console(width=None if sys.stdout.isatty() else 10_000, highlight=False)
