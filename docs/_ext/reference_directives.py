"""Directives whose content comes from the code, so that it cannot go stale.

``settings-reference``, ``command-reference`` and ``twistd-reference`` take no arguments; ``public-names`` takes a
module, ``settings-of`` a settings model as ``module:Name``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from inspect import cleandoc, isclass, isroutine
from textwrap import indent
from typing import Any, ClassVar

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from twisted.python.usage import Options
from zope.interface.interface import InterfaceClass, Method

from netforge.cli.main import main
from netforge.cli.twistd import ForgeOptions, options_of
from netforge.host.discovery import Catalogue
from netforge.host.settings import HostSettings
from netforge.host.settings.reference import keys_of, reference

__all__ = ["setup"]


#: Names that a module has from another one for convenience: they are described there.
_BORROWED = {"netforge.web": ("Exchange", "HTTPError")}


def settings_reference() -> Iterator[str]:
    """The tables of the host, of every service and of every shared component, and the keys of every layer."""
    catalogue = Catalogue()
    yield reference("[netforge]", HostSettings)
    for group, registry in (("services", catalogue.services), ("shared", catalogue.shared)):
        for plugin in registry.working():
            examples = [example for example in (plugin.lab, *plugin.examples) if example]
            yield reference(f"[{group}.{plugin.name}]", plugin.settings, examples)
    for layer in catalogue.layers.working():
        yield reference(f"Listener keys of the layer {layer.name}", layer.keys)


def settings_of(place: str) -> Iterator[str]:
    """The keys of a model that stands where the other pages cannot see it: ``module:Name``."""
    module, _, name = place.partition(":")
    yield keys_of(getattr(import_module(module), name))


def command_reference() -> Iterator[str]:
    """Every command of ``netforge``, those that plugins contribute included."""
    yield from _command(main, "netforge", None)


def _command(command: click.Command, path: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, parent, path.rsplit(" ", 1)[-1], **command.context_settings)
    yield f"{path}\n{'-' * len(path)}"
    yield f".. program:: {path}"
    yield f".. code-block:: console\n\n    $ {' '.join([path, *command.collect_usage_pieces(context)])}"
    yield _plain(cleandoc(command.help or ""))
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield _option(*record)
        elif record is not None:
            yield f"``{record[0]}``\n" + indent(_plain(record[1]), "    ")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _command(found, f"{path} {name}", context)


def twistd_reference() -> Iterator[str]:
    """The options of ``twistd netforge`` and of each service by its flags."""
    yield from _usage(ForgeOptions(), "twistd netforge")
    for name in Catalogue().services.names:
        yield from _usage(options_of(name)(), f"twistd netforge {name}")


def _usage(options: Options, path: str) -> Iterator[str]:
    yield f"{path}\n{'-' * len(path)}"
    yield f".. program:: {path}"
    yield _plain(getattr(options, "longdesc", ""))
    for name in sorted(options.longOpt):
        key, value = name.rstrip("="), " VALUE" if name.endswith("=") else ""
        short = [f"-{short}, " for short, long in options.synonyms.items() if long == key and len(short) == 1]
        text = options.docs.get(key) or getattr(options, f"opt_{key.replace('-', '_')}").__doc__
        yield _option(f"{''.join(short)}--{key}{value}", cleandoc(text))


def _option(signature: str, text: str) -> str:
    return f".. option:: {signature}\n\n" + indent(_plain(text), "    ")


def public_names(module: str) -> Iterator[str]:
    """What a module has in ``__all__``, in that order."""
    found = import_module(module)
    yield f".. module:: {module}"
    yield cleandoc(found.__doc__ or "")
    for name in found.__all__:
        yield _public_name(module, name, getattr(found, name))


def _public_name(module: str, name: str, value: Any) -> str:
    full = f"{module}.{name}"
    if isinstance(value, InterfaceClass):
        return _interface(name, value)
    if isclass(value) and name in _BORROWED.get(module, ()):
        home = value.__module__.rpartition(".")[0]
        return f".. py:class:: {name}\n    :no-index:\n\n    :class:`{home}.{name}`."
    if isclass(value):
        return f".. autoclass:: {full}\n    :members:\n    :exclude-members: model_config"
    if isroutine(value):
        return f".. autofunction:: {full}"
    return f".. py:data:: {name}\n    :value: {_shown(value)}\n\n" + indent(_comment_on(module, name), "    ")


def _interface(name: str, interface: InterfaceClass) -> str:
    """Autodoc takes an interface of zope's for a mere object."""
    bases = ", ".join(base.__name__ for base in interface.__bases__ if base.__name__ != "Interface")
    lines = [f".. py:class:: {name}{f'({bases})' if bases else ''}", _indented(interface.__doc__)]
    for key, member in interface.namesAndDescriptions():
        signature = member.getSignatureString() if isinstance(member, Method) else ""
        kind = "method" if isinstance(member, Method) else "attribute"
        lines.append(f"    .. py:{kind}:: {key}{signature}\n\n" + indent(_indented(member.__doc__), "    "))
    return "\n\n".join(lines)


def _indented(text: str | None) -> str:
    return indent(cleandoc(text or ""), "    ")


def _comment_on(module: str, name: str) -> str:
    """What the source says of a constant, in whichever module of the package it is made."""
    for found in [one for one in sys.modules if one == module or one.startswith(f"{module}.")]:
        comments = ModuleAnalyzer.for_module(found).find_attr_docs()
        if ("", name) in comments:
            return "\n".join(comments["", name])
    return ""


def _shown(value: Any) -> str:
    """A value as its author wrote it: without the modules that names come from."""
    return re.sub(r"\b[a-z_.]+\.(?=[A-Z])", "", str(value))


def _plain(text: str) -> str:
    """Text in which nothing is markup."""
    for mark in "\\*`|_":
        text = text.replace(mark, f"\\{mark}")
    return text


class _Generated(SphinxDirective):
    """Puts in its place what a function writes."""

    optional_arguments = 1
    write: ClassVar[Callable[..., Iterable[str]]]

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n\n".join(type(self).write(*self.arguments)), allow_section_headings=True)


def _name_of(interface: Any) -> str:
    return str(interface.__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    # In signatures an interface is a name, as a class is.
    InterfaceClass.__repr__ = _name_of  # type: ignore[method-assign]  # only while the pages are made
    for write in (settings_reference, settings_of, command_reference, twistd_reference, public_names):
        directive = type(write.__name__, (_Generated,), {"write": staticmethod(write)})
        app.add_directive(write.__name__.replace("_", "-"), directive)
    return {"parallel_read_safe": True}
