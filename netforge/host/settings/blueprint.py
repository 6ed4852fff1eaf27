"""A blueprint: settings that are valid as a whole, ready to be built."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from netforge.host.discovery import Catalogue, Plugin, PluginBroken, Registry
from netforge.host.settings.document import Document, dotted
from netforge.host.settings.model import HostSettings
from netforge.host.settings.positions import Key
from netforge.host.settings.problems import Problem, SettingsError, nearest
from netforge.host.settings.validation import Rename, as_written, validate
from netforge.plugin import Address, Internet, IServices, Listen, Settings, Unix
from netforge.plugin.listen import ListenerTable
from netforge.plugin.settings import watched

__all__ = ["ActiveLayer", "Blueprint", "Plan", "PlannedListener", "draw"]

S = TypeVar("S", bound=Settings)

#: Names of services: they become folders and parts of the log's names.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class ActiveLayer:
    """A layer that is on for a listener, with its keys there."""

    layer: Any
    keys: Settings


@dataclass(frozen=True, slots=True)
class PlannedListener:
    """A listener that a service's settings ask for.

    :param identity: equal for two listeners, before and after a reload, that are one socket.
    :param layers: those that are on, from the protocol outwards.
    """

    identity: Hashable
    listen: Listen
    layers: Sequence[ActiveLayer]


@dataclass(frozen=True)
class Plan:
    """One service to build.

    :param name: its name in the settings.
    :param plugin: what builds it.
    :param settings: what it is built from.
    :param where: ``FILE:LINE`` of its table.
    :param listeners: every listener of the settings.
    :param providers: for each interface that it or its layers need, the name of the plan that offers it.
    :param watched: the state of the files whose content counts as part of the settings.
    """

    name: str
    plugin: Plugin
    settings: Settings
    where: str
    listeners: Sequence[PlannedListener]
    providers: Mapping[Any, str]
    watched: Mapping[Path, tuple[int, int] | None]

    def same_as(self, other: Plan) -> bool:
        """Whether another plan asks for the very same service, wherever it stands in the file."""
        return replace(other, where=self.where) == self


@dataclass(frozen=True)
class Blueprint:
    """Everything to run.

    :param host: the host's own settings.
    :param plans: every service, those that offer something before those that need it.
    :param warnings: what works but should be mended.
    :param renames: old keys that were met.
    """

    host: HostSettings
    plans: Sequence[Plan]
    warnings: Sequence[Problem] = ()
    renames: Sequence[Rename] = ()


def draw(
    document: Document,
    catalogue: Catalogue | None = None,
    *,
    plugin_dirs: Sequence[Path] = (),
    free_ports: bool = False,
    only: Plugin | None = None,
) -> Blueprint:
    """Make a blueprint of a document.

    :param catalogue: the plugins to use; those installed and those in the document's ``plugin_dirs`` if left out.
    :param plugin_dirs: further folders with plugins, where no catalogue is given.
    :param free_ports: let the system choose every port, whatever the settings say.
    :param only: plan this plugin, which stands in no table and has no settings, with the components that it needs, and
        none of the services in the document.
    :raises SettingsError: with every problem that there is.
    """
    return _Drawing(document, catalogue, plugin_dirs, free_ports).blueprint(only)


def listeners(settings: Any, key: Key = ()) -> Iterator[tuple[Key, Listen]]:
    """Every listener in a model, in lists and tables too, with its key."""
    match settings:
        case Listen():
            yield key, settings
        case BaseModel():
            for name in type(settings).model_fields:
                yield from listeners(getattr(settings, name), (*key, name))
        case list() | tuple():
            for number, one in enumerate(settings):
                yield from listeners(one, (*key, number))
        case dict():
            for name, one in settings.items():
                yield from listeners(one, (*key, name))


@dataclass
class _Table:
    """A service's table on its way to a plan."""

    key: Key
    plugin: Plugin
    settings: Settings
    listeners: list[PlannedListener] = field(default_factory=list)
    providers: dict[Any, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.key[1])


class _Drawing:
    """The steps from a document to a blueprint. Each adds its problems; none stops at the first."""

    def __init__(
        self, document: Document, catalogue: Catalogue | None, plugin_dirs: Sequence[Path], free_ports: bool
    ) -> None:
        self.document = document
        self.free_ports = free_ports
        self.renames: list[Rename] = []
        self.tables: dict[str, _Table] = {}
        self.taken: dict[Address, Key] = {}
        self.host = self._host_settings()
        self._check_plugin_dirs()
        self.catalogue = catalogue or Catalogue([*plugin_dirs, *(self.host.plugin_dirs if self.host else ())])

    def blueprint(self, only: Plugin | None = None) -> Blueprint:
        self._check_top()
        groups = {"shared": self.catalogue.shared, "services": self.catalogue.services}
        if only is not None:
            del groups["services"]
        for group, registry in groups.items():
            entries = self.document.tree.get(group, {})
            for name, table in entries.items() if isinstance(entries, dict) else ():
                self._read_table((group, name), table, registry)
        if only is not None:
            self.tables[only.name] = _Table(("services", only.name), only, only.settings())
        for table in list(self.tables.values()):
            self._find_providers(table)
        if not self.tables and not self.document.problems:
            # Such as a file that an editor is just writing.
            self.document.add_problem((), "nothing to run: add a table [services.NAME]")
        order = self._order(None if only is None else only.name)
        if self.document.problems:
            raise SettingsError(self.document.problems)
        assert self.host is not None
        return Blueprint(self.host, [self._plan(self.tables[name]) for name in order], self._warnings(), self.renames)

    def _host_settings(self) -> HostSettings | None:
        table = self.document.tree.get("netforge", {})
        if not isinstance(table, dict):
            return None
        if "STATE_DIRECTORY" in os.environ:
            table = {"state": os.environ["STATE_DIRECTORY"].split(":")[0], **table}
        return self._validated(("netforge",), table, HostSettings, ListenerTable)

    def _check_plugin_dirs(self) -> None:
        for number, folder in enumerate(self.host.plugin_dirs if self.host else ()):
            if not folder.is_dir():
                self.document.add_problem(("netforge", "plugin_dirs", number), f"{folder}: no such folder")

    def _validated(self, key: Key, table: Mapping[str, Any], model: type[S], listener: type[BaseModel]) -> S | None:
        settings, renames = validate(self.document, key, table, model, listener, free_ports=self.free_ports)
        self.renames += renames
        return settings

    def _check_top(self) -> None:
        known = ("netforge", "services", "shared")
        for name, value in self.document.tree.items():
            if name not in known:
                self.document.add_problem((name,), f"unknown table{nearest(name, known)}")
            elif not isinstance(value, dict):
                self.document.add_problem((name,), "expected a table")

    def _read_table(self, key: Key, table: Any, registry: Registry[Plugin]) -> None:
        if not isinstance(table, dict):
            self.document.add_problem(key, "expected a table")
            return
        if not NAME.fullmatch(str(key[1])):
            self.document.add_problem(
                key, "a name has letters, digits, '.', '_' and '-', and begins with a letter or a digit"
            )
            return
        if key[1] in self.tables:
            self.document.add_problem(key, f"a shared component is called {key[1]!r} already")
            return
        plugin = self._plugin(key, table, registry)
        if plugin is None:
            return
        own = {name: value for name, value in table.items() if name != "service"}
        settings = self._validated(key, own, plugin.settings, self.catalogue.listener_table)
        if settings is not None:
            self.tables[str(key[1])] = read = _Table(key, plugin, settings)
            read.listeners = list(self._planned_listeners(read))

    def _plugin(self, key: Key, table: Mapping[str, Any], registry: Registry[Plugin]) -> Plugin | None:
        """The plugin that a table names by its key ``service``, or else by its own name."""
        name, at = table.get("service", key[1]), key
        if "service" in table:
            at = (*key, "service")
            if at in self.document.unfilled:
                return None
        try:
            return registry.get(name)
        except PluginBroken as broken:
            self.document.add_problem(at, str(broken))
        except (KeyError, TypeError):
            hint = nearest(str(name), registry.names) or f"; there are {', '.join(registry.names) or 'none'}"
            if at != key:
                name = self.document.value_written(at)
            elif registry.names and "?" not in hint:
                hint += ": add service = ... to run one of them under this name"
            kind = "service" if key[0] == "services" else "shared component"
            self.document.add_problem(at, f"no {kind} {name!r} is installed{hint}")
        return None

    def _planned_listeners(self, table: _Table) -> Iterator[PlannedListener]:
        for inner, listen in listeners(table.settings):
            key = as_written((*table.key, *inner), self.renames)
            keys_given = _merged(table.plugin.listener, listen.keys)
            for name in keys_given.keys() - self.catalogue.listener_table.model_fields:
                self.document.add_problem(key, f"{name}: unknown key of a listener, in the plugin's default")
            layers = []
            for layer in self.catalogue.layers.working():
                given = {name: value for name, value in keys_given.items() if name in layer.keys.model_fields}
                keys = self._validated(key, given, layer.keys, ListenerTable)
                if keys is not None and layer.active(keys):
                    layers.append(ActiveLayer(layer, keys))
            layers.sort(key=lambda one: one.layer.place, reverse=True)
            yield PlannedListener(self._identity(key, listen.address), listen, layers)

    def _identity(self, key: Key, address: Address) -> Hashable:
        """The address; with its key for port 0, which is another port each time. No two listeners may have one."""
        if isinstance(address, Internet) and address.port == 0:
            return key, address
        if isinstance(address, Unix):
            # One socket may have several spellings.
            address = Unix(Path(os.path.realpath(address.path.parent)) / address.path.name)
        if address in self.taken:
            written = self.document.masked(key, str(address))
            self.document.add_problem(key, f"{written} is taken in {self.document.where(self.taken[address])} already")
        self.taken.setdefault(address, key)
        return address

    def _find_providers(self, table: _Table) -> None:
        """For everything that a service and its layers need, the component that offers it; made if it has no table."""
        needs = [*table.plugin.needed(table.settings)]
        needs += [need for one in table.listeners for active in one.layers for need in active.layer.needs]
        for need in dict.fromkeys(needs):
            if need is IServices:
                continue
            provider = self._provider(table, need)
            if provider is not None:
                table.providers[need] = provider

    def _provider(self, table: _Table, need: Any) -> str | None:
        configured = [name for name, one in self.tables.items() if need in one.plugin.offers]
        if len(configured) == 1:
            return configured[0]
        if configured:
            self.document.add_problem(table.key, f"{' and '.join(configured)} both offer {need.__name__}: remove one")
            return None
        installed = self.catalogue.offering(need)
        if len(installed) != 1:
            names = " or ".join(f"[shared.{plugin.name}]" for plugin in installed)
            message = f"add {names} to choose what offers it" if installed else "nothing that is installed offers it"
            self.document.add_problem(table.key, f"needs {need.__name__}: {message}")
            return None
        plugin = installed[0]
        if plugin.name in self.tables:
            message = f"the name is that of the component that offers {need.__name__}: choose another"
            self.document.add_problem(self.tables[plugin.name].key, message)
            return None
        self._read_table(("shared", plugin.name), {}, self.catalogue.shared)
        if plugin.name not in self.tables:
            return None
        self._find_providers(self.tables[plugin.name])
        return plugin.name

    def _order(self, only: str | None) -> Sequence[str]:
        """The names of all tables, or of one with those that it needs, whatever is needed first."""
        graph = {name: set(table.providers.values()) for name, table in self.tables.items()}
        if only is not None:
            graph = {name: graph[name] for name in _reached(graph, only)}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " needs ".join(reversed(error.args[1]))
            self.document.add_problem(self.tables[error.args[1][0]].key, f"a circle of needs: {circle}")
            return []

    def _plan(self, table: _Table) -> Plan:
        keys = [active.keys for one in table.listeners for active in one.layers]
        files = {path: _stamp(path) for settings in (table.settings, *keys) for path in _watched(settings)}
        where = self.document.where(table.key)
        return Plan(table.name, table.plugin, table.settings, where, table.listeners, table.providers, files)

    def _warnings(self) -> Sequence[Problem]:
        where = self.document.where
        return [
            Problem(where(one.key), dotted(one.key), f"is called {one.name!r} now; netforge check --fix renames it")
            for one in self.renames
        ]


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    reached, ahead = {start}, [start]
    while ahead:
        new = graph[ahead.pop()] - reached
        reached |= new
        ahead += new
    return reached


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was given, and the defaults for the rest, key by key in tables too: ``true`` is such a table, and empty."""
    merged = {**defaults, **given}
    for name in defaults.keys() & given.keys():
        table = {} if given[name] is True else given[name]
        if isinstance(defaults[name], Mapping) and isinstance(table, Mapping):
            merged[name] = {**defaults[name], **table}
    return merged


def _watched(value: Any, *, counts: bool = False) -> Iterator[Path]:
    """The paths in a value whose files count: those of watched fields, in lists, tables and models within too."""
    match value:
        case Path() if counts:
            yield value
        case BaseModel():
            for name, info in type(value).model_fields.items():
                yield from _watched(getattr(value, name), counts=watched(info))
        case list() | tuple() | set() | frozenset():
            for one in value:
                yield from _watched(one, counts=counts)
        case dict():
            yield from _watched(list(value.values()), counts=counts)


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file's content does: time in nanoseconds and size in bytes; ``None`` without a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
