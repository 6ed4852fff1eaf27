"""Nothing that people can use is undocumented: no setting, no command, no option, no public name."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import getdoc, isclass, isroutine
from typing import TYPE_CHECKING, Any

import click
import pytest
from pydantic import BaseModel
from zope.interface.interface import InterfaceClass, Method

import netforge.protocols
from netforge.cli.main import main
from netforge.cli.twistd import ForgeOptions, options_of
from netforge.host.discovery import Catalogue
from netforge.host.settings import HostSettings
from netforge.plugin import Command, interfaces

if TYPE_CHECKING:
    from tests.docs.conftest import Site

# One of the workers builds the pages, and the others need not wait for it.
pytestmark = pytest.mark.xdist_group("site")

CATALOGUE = Catalogue()
PLUGINS = [*CATALOGUE.services.working(), *CATALOGUE.shared.working()]

#: Each model by the section of the settings page that is about it.
MODELS: dict[str, type[BaseModel]] = {
    "netforge": HostSettings,
    **{f"services-{plugin.name}": plugin.settings for plugin in CATALOGUE.services.working()},
    **{f"shared-{plugin.name}": plugin.settings for plugin in CATALOGUE.shared.working()},
    **{f"listener-keys-of-the-layer-{layer.name}": layer.keys for layer in CATALOGUE.layers.working()},
}
OPTIONS: dict[str, type[BaseModel]] = {
    f"{plugin.name}-{command.name}": command.options for plugin in PLUGINS for command in plugin.contributed(Command)
}
PUBLIC = [
    "netforge.plugin",
    "netforge.host",
    "netforge.protocols",
    "netforge.reactor",
    "netforge.testing",
    *(module.name for module in pkgutil.iter_modules(netforge.protocols.__path__, "netforge.protocols.")),
]


def keys(model: type[BaseModel]) -> Iterator[tuple[str, str | None]]:
    """Every key of a model with its description, those of the tables within it included."""
    for key, field in model.model_fields.items():
        yield key, field.description
        for inner in within(field.annotation):
            yield from keys(inner)


def within(annotation: Any) -> Iterator[type[BaseModel]]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for one in getattr(annotation, "__args__", ()):
        yield from within(one)


def commands(command: click.Command = main, path: str = "netforge") -> Iterator[tuple[str, click.Command]]:
    """Every command with its words."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, f"{path} {name}")


COMMANDS = list(commands())


@pytest.mark.parametrize("model", [*MODELS.values(), *OPTIONS.values()], ids=[*MODELS, *OPTIONS])
def test_every_setting_has_a_description(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert [key for key, description in keys(model) if not description] == []


@pytest.mark.parametrize(("section", "model"), [*MODELS.items()], ids=[*MODELS])
def test_every_setting_is_on_the_settings_page(site: Site, section: str, model: type[BaseModel]) -> None:
    terms = re.findall(r'<dt><code .*?><span class="pre">(.*?)</span></code></dt>', site.section("settings", section))
    assert terms == [key for key, _ in keys(model)]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_is_documented(site: Site, path: str, command: click.Command) -> None:
    assert command.help
    section = site.section("commands", path.replace(" ", "-"))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            for name in parameter.opts:
                assert ("std:cmdoption", f"{path.replace(' ', '-')}.{name}") in site.names
        else:
            name = str(parameter.name).upper()
            assert getattr(parameter, "help", None) or name in command.help
            assert name in section


@pytest.mark.parametrize("service", [None, *CATALOGUE.services.names])
def test_every_option_of_twistd_is_documented(site: Site, service: str | None) -> None:
    options = ForgeOptions() if service is None else options_of(service)()
    program = "-".join(filter(None, ["twistd-netforge", service]))
    for option in options.longOpt:
        name = option.rstrip("=")
        method = getattr(options, f"opt_{name.replace('-', '_')}", None)
        assert options.docs.get(name) or getdoc(method), f"{program} --{name}"
        assert ("std:cmdoption", f"{program}.--{name}") in site.names


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_documented(site: Site, module: str) -> None:
    found = import_module(module)
    documented = {name for kind, name in site.names if kind.startswith("py:")}
    assert found.__doc__
    assert module in documented
    for name in getattr(found, "__all__", []):
        assert f"{module}.{name}" in documented
        assert list(undocumented(getattr(found, name), name)) == []


def test_every_shared_interface_is_public() -> None:
    assert set(interfaces.__all__) <= set(import_module("netforge.plugin").__all__)


def test_every_plugin_says_what_it_is() -> None:
    assert [plugin.name for plugin in PLUGINS if not (plugin.title and getdoc(plugin.build))] == []


def undocumented(value: Any, name: str) -> Iterator[str]:
    """What has no docstring: the thing, and whatever it has that is public and its own."""
    members: dict[str, Any] = {}
    if isinstance(value, InterfaceClass):
        members = {key: member for key, member in value.namesAndDescriptions() if isinstance(member, Method)}
    elif isclass(value):
        members = {
            key: member
            for key, member in vars(value).items()
            if not key.startswith("_") and (isroutine(member) or isinstance(member, property | classmethod))
        }
    if (members or isclass(value) or isroutine(value)) and not value.__doc__:
        yield name
    for key, member in members.items():
        inherited = isclass(value) and any(hasattr(base, key) for base in value.__mro__[1:])
        if not member.__doc__ and not inherited:
            yield f"{name}.{key}"
