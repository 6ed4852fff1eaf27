"""Finding plugins and layers: by entry point, and in the files of ``--plugin-dir``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, create_model
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from netforge.plugin import CONTRACT, ILayer, ServicePlugin, Settings
from netforge.plugin.listen import ListenerTable

__all__ = ["Catalogue", "Plugin", "PluginBroken", "Registry"]

#: The oldest contract whose plugins this host still runs.
OLDEST_CONTRACT = 1

Plugin = ServicePlugin[Any]
T = TypeVar("T")


class PluginBroken(Exception):  # noqa: N818  says what happened
    """A plugin cannot be used.

    :param name: the plugin's name.
    :param origin: where it comes from.
    :param reason: what was wrong, in one line.
    """

    def __init__(self, name: str, origin: str, reason: str) -> None:
        super().__init__(f"plugin {name!r} from {origin} is broken: {reason}")
        self.name, self.origin, self.reason = name, origin, reason


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """Something that was found, not yet loaded.

    :param origin: where it comes from, for people.
    :param load: imports it; may raise anything.
    """

    name: str
    origin: str
    load: Callable[[], T]


class Registry(Generic[T]):
    """What was found under one kind, loaded when first asked for. One that is broken stops nobody else.

    :param found: everything that was found; two of one name make that name broken.
    :param accept: checks a loaded object and returns it; raises ``ValueError`` for a wrong one.
    """

    def __init__(self, found: Iterable[Found[Any]], accept: Callable[[str, Any], T]) -> None:
        self._found: dict[str, list[Found[Any]]] = {}
        for one in found:
            self._found.setdefault(one.name, []).append(one)
        self._accept = accept
        self._loaded: dict[str, T | PluginBroken] = {}

    @property
    def names(self) -> Sequence[str]:
        """All names, sorted."""
        return sorted(self._found)

    def origin(self, name: str) -> str:
        """Where the thing of that name comes from."""
        return " and ".join(one.origin for one in self._found[name])

    def get(self, name: str) -> T:
        """The thing of that name.

        :raises KeyError: if there is none.
        :raises PluginBroken: if it cannot be used.
        """
        found = self._found[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(name, found)
        loaded = self._loaded[name]
        if isinstance(loaded, PluginBroken):
            raise loaded
        return loaded

    def refuse(self, name: str, reason: str) -> None:
        """Take a thing for broken, whatever it says of itself."""
        self._loaded[name] = PluginBroken(name, self.origin(name), reason)

    def working(self) -> Iterator[T]:
        """Everything that is not broken."""
        for name in self.names:
            try:
                yield self.get(name)
            except PluginBroken:
                continue

    def broken(self) -> Iterator[PluginBroken]:
        """Everything that is."""
        for name in self.names:
            try:
                self.get(name)
            except PluginBroken as reason:
                yield reason

    def _load(self, name: str, found: list[Found[Any]]) -> T | PluginBroken:
        origin = self.origin(name)
        if len(found) > 1:
            return PluginBroken(name, origin, "the name is taken twice: remove one of them")
        try:
            loaded = found[0].load()
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything; the reason is kept
            return PluginBroken(name, origin, _one_line(error))
        try:
            return self._accept(name, loaded)
        except ValueError as error:
            return PluginBroken(name, origin, str(error))


@dataclass
class Catalogue:
    """Every plugin and layer that this host can use.

    :param folders: the folders whose ``*.py`` files hold further plugins.
    """

    folders: Sequence[Path] = field(default_factory=tuple)

    @cached_property
    def services(self) -> Registry[Plugin]:
        """What serves, by the entry point group ``netforge.services`` and from the folders."""
        return Registry([*_installed("netforge.services"), *_in_folders(self.folders)], _plugin)

    @cached_property
    def shared(self) -> Registry[Plugin]:
        """What offers something to services, by the group ``netforge.shared``."""
        return Registry(_installed("netforge.shared"), _plugin)

    @cached_property
    def layers(self) -> Registry[Any]:
        """The layers, by the group ``netforge.layers``. Two that claim one key are both broken."""
        registry = Registry(_installed("netforge.layers"), _layer)
        claims: dict[str, list[str]] = {}
        for layer in registry.working():
            for key in layer.keys.model_fields:
                claims.setdefault(key, []).append(layer.name)
        for key, names in claims.items():
            if len(names) > 1:
                for name in names:
                    registry.refuse(name, f"the key {key!r} is claimed by {' and '.join(names)}: remove one of them")
        return registry

    @cached_property
    def listener_table(self) -> type[BaseModel]:
        """The model of a listener's table: its address and the keys of every layer."""
        keys: dict[str, Any] = {}
        for layer in self.layers.working():
            keys |= {name: (info.annotation, info) for name, info in layer.keys.model_fields.items()}
        return create_model("Listener", __base__=ListenerTable, **keys)

    def offering(self, interface: Any) -> Sequence[Plugin]:
        """The shared plugins that offer an interface."""
        return [plugin for plugin in self.shared.working() if interface in plugin.offers]


def _installed(group: str) -> Iterator[Found[Any]]:
    for entry_point in entry_points(group=group):
        yield Found(entry_point.name, _origin(entry_point), entry_point.load)


def _origin(entry_point: EntryPoint) -> str:
    distribution = entry_point.dist
    return f"{distribution.name} {distribution.version}" if distribution is not None else entry_point.value


def _in_folders(folders: Iterable[Path]) -> Iterator[Found[Any]]:
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            yield from _in_file(path)


#: The files that were run, with the time of their last change in nanoseconds. A reload runs a changed file anew, and
#: leaves the services of one that is the same alone.
_files: dict[Path, tuple[int, Sequence[Plugin]]] = {}


def _in_file(path: Path) -> Iterator[Found[Any]]:
    """The plugins of one file: every object made by ``@service`` at its top. The file is run to find them."""
    try:
        plugins = _plugins_of(path)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything; the reason is kept
        yield Found(path.stem, str(path), partial(_raise, error))
        return
    for plugin in plugins:
        yield Found(plugin.name, str(path), partial(_same, plugin))


def _plugins_of(path: Path) -> Sequence[Plugin]:
    changed = path.stat().st_mtime_ns
    if path in _files and _files[path][0] == changed:
        return _files[path][1]
    name = f"netforge_plugin_dir.{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Pydantic resolves the annotations of a model through its module.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    # One object may have two names there.
    plugins = list({id(one): one for one in vars(module).values() if isinstance(one, ServicePlugin)}.values())
    _files[path] = changed, plugins
    return plugins


def _raise(error: BaseException) -> Any:
    raise error


def _same(plugin: Plugin) -> Plugin:
    return plugin


def _plugin(name: str, loaded: Any) -> Plugin:
    if not isinstance(loaded, ServicePlugin):
        raise ValueError(f"expected a function declared by @service, found {type(loaded).__name__}")  # noqa: TRY004
    if loaded.name != name:
        raise ValueError(f"its entry point is called {name!r}, but @service says {loaded.name!r}")
    if not OLDEST_CONTRACT <= loaded.contract <= CONTRACT:
        raise ValueError(
            f"it was written for version {loaded.contract} of the plugin contract; "
            f"this netforge has version {CONTRACT} and takes {OLDEST_CONTRACT} or later"
        )
    return loaded


def _layer(name: str, loaded: Any) -> Any:
    try:
        verifyObject(ILayer, loaded)
    except Invalid as error:
        raise ValueError(f"it is no ILayer: {' '.join(str(error).split())}") from None
    if loaded.name != name:
        raise ValueError(f"its entry point is called {name!r}, but the layer says {loaded.name!r}")
    if not (isinstance(loaded.keys, type) and issubclass(loaded.keys, Settings)):
        raise ValueError(f"its keys are no Settings: {loaded.keys!r}")  # noqa: TRY004  what the registry catches
    for key, info in loaded.keys.model_fields.items():
        if key in ListenerTable.model_fields:
            raise ValueError(f"its key {key!r} is every listener's own")
        if info.is_required():
            raise ValueError(f"its key {key!r} has no default")
    return loaded


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
