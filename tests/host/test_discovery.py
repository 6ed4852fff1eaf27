"""Plugins and layers: by entry point and in folders, imported late, and one that is broken stops nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netforge.host.discovery import Catalogue, PluginBroken, Registry
from netforge.plugin import CONTRACT

GOOD = """
from netforge.plugin import Settings, service

class Greeting(Settings):
    '''Greets.'''

@service({name!r}, Greeting)
def greet(settings, context):
    return []
"""

LAYER = """
from zope.interface import implementer
from netforge.plugin import Field, ILayer, Place, Settings

class Keys(Settings):
    '''Keys.'''
    {field}

@implementer(ILayer)
class Layer:
    name, place, keys, needs = {name!r}, Place.LIMITS, Keys, ()
    def active(self, keys): return False
    def wrap_stream(self, factory, keys, listener): return factory
    def wrap_datagram(self, receiver, keys, listener): return receiver

layer = Layer()
"""

Install = Callable[..., None]


@pytest.fixture(autouse=True)
def fresh_modules() -> Iterator[None]:
    """Forget what a test has imported."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution of one module on ``sys.path``."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(distribution: str, module: str, text: str, entry: str, group: str = "netforge.services") -> None:
        (site / f"{module}.py").write_text(text)
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")

    return install


def reason(registry: Registry[Any], name: str) -> str:
    with pytest.raises(PluginBroken) as caught:
        registry.get(name)
    return caught.value.reason


def test_an_installed_plugin_is_found_with_its_origin(install: Install) -> None:
    install("forge-greet", "forge_greet", GOOD.format(name="greet"), "greet = forge_greet:greet")
    services = Catalogue().services
    assert {"echo", "greet"} <= set(services.names)
    assert services.get("greet").name == "greet"
    assert services.origin("greet") == "forge-greet 1.0"
    assert services.get("greet") is services.get("greet")


def test_what_is_first_party_is_found_too() -> None:
    catalogue = Catalogue()
    assert catalogue.services.get("echo").name == "echo"
    assert catalogue.shared.get("bus").name == "bus"
    assert catalogue.layers.get("sight").name == "sight"


def test_nothing_is_imported_before_it_is_asked_for(install: Install) -> None:
    install("forge-greet", "forge_greet", GOOD.format(name="greet"), "greet = forge_greet:greet")
    install("forge-other", "forge_other", GOOD.format(name="other"), "other = forge_other:greet")
    catalogue = Catalogue()
    assert {"greet", "other"} <= set(catalogue.services.names)
    assert catalogue.services.origin("greet")
    catalogue.services.get("greet")
    assert "forge_greet" in sys.modules
    assert "forge_other" not in sys.modules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("raise RuntimeError('no licence\\nsee below')", "RuntimeError: no licence"),
        ("raise RuntimeError", "RuntimeError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def (:", "SyntaxError: invalid syntax (forge_broken.py, line 1)"),
        ("", "AttributeError: module 'forge_broken' has no attribute 'greet'"),
        ("greet = 5", "expected a function declared by @service, found int"),
        ("def greet(settings, context): pass", "expected a function declared by @service, found function"),
        (GOOD.format(name="other"), "its entry point is called 'broken', but @service says 'other'"),
        *[
            (
                GOOD.format(name="broken").replace("Greeting)\n", f"Greeting, contract={contract})\n"),
                f"it was written for version {contract} of the plugin contract; "
                f"this netforge has version {CONTRACT} and takes 1 or later",
            )
            for contract in (0, CONTRACT + 1)
        ],
    ],
)
def test_a_broken_plugin_says_why_and_stops_nobody(install: Install, text: str, expected: str) -> None:
    install("forge-broken", "forge_broken", text, "broken = forge_broken:greet")
    install("forge-greet", "forge_greet", GOOD.format(name="greet"), "greet = forge_greet:greet")
    services = Catalogue().services
    assert reason(services, "broken") == expected
    assert reason(services, "broken") == expected, "the second time too"
    assert "broken" in services.names
    assert {"echo", "greet"} <= {one.name for one in services.working()}
    assert [str(one) for one in services.broken()] == [f"plugin 'broken' from forge-broken 1.0 is broken: {expected}"]


def test_two_of_one_name_name_both_origins_and_break_only_that_name(install: Install) -> None:
    install("forge-one", "forge_one", GOOD.format(name="greet"), "greet = forge_one:greet")
    install("forge-two", "forge_two", GOOD.format(name="greet"), "greet = forge_two:greet")
    services = Catalogue().services
    with pytest.raises(PluginBroken) as caught:
        services.get("greet")
    assert {"forge-one 1.0", "forge-two 1.0"} == set(caught.value.origin.split(" and "))
    assert caught.value.reason == "the name is taken twice: remove one of them"
    assert services.get("echo").name == "echo"
    assert not {"forge_one", "forge_two"} & set(sys.modules), "neither is imported"


def test_a_name_that_is_unknown_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Catalogue().services.get("unknown")


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_in_a_folder_is_a_plugin_with_that_file_as_origin(tmp_path: Path) -> None:
    path = write(tmp_path / "plugins", "mine.py", GOOD.format(name="greet"))
    write(tmp_path / "plugins", "notes.txt", "no plugin")
    services = Catalogue([tmp_path / "plugins"]).services
    assert services.get("greet").name == "greet"
    assert services.origin("greet") == str(path)


def test_a_file_may_hold_several_plugins_and_two_names_for_one(tmp_path: Path) -> None:
    text = GOOD.format(name="greet") + GOOD.format(name="other").replace("greet", "other") + "\nagain = greet\n"
    write(tmp_path, "mine.py", text)
    services = Catalogue([tmp_path]).services
    assert {services.get(name).name for name in ("greet", "other")} == {"greet", "other"}


def test_two_plugins_of_one_name_in_a_file_break_that_name(tmp_path: Path) -> None:
    text = GOOD.format(name="greet") + GOOD.format(name="greet").replace("def greet", "def greet_again")
    path = write(tmp_path, "mine.py", text)
    services = Catalogue([tmp_path]).services
    assert reason(services, "greet") == "the name is taken twice: remove one of them"
    assert services.origin("greet") == f"{path} and {path}"


def test_a_file_that_takes_an_installed_name_names_both(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", GOOD.format(name="echo"))
    services = Catalogue([tmp_path]).services
    assert reason(services, "echo") == "the name is taken twice: remove one of them"
    assert services.origin("echo").startswith("netforge ")
    assert services.origin("echo").endswith(f" and {path}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit('no')", "SystemExit: no"),
        ("def (:", "SyntaxError: invalid syntax (broken.py, line 1)"),
        ("x = '\0'", "SyntaxError: source code string cannot contain null bytes"),
    ],
)
def test_a_broken_file_is_listed_by_its_name_and_stops_nobody(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, "broken.py", text)
    write(tmp_path, "mine.py", GOOD.format(name="greet"))
    services = Catalogue([tmp_path]).services
    assert reason(services, "broken").startswith(expected)
    assert services.get("greet").name == "greet"
    assert "netforge_plugin_dir.broken" not in sys.modules


def test_a_file_is_run_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", GOOD.format(name="greet"))
    first = Catalogue([tmp_path]).services.get("greet")
    assert Catalogue([tmp_path]).services.get("greet") is first
    path.write_text(GOOD.format(name="greet") + "\n# changed\n")
    os.utime(path, ns=(1, 1))
    assert Catalogue([tmp_path]).services.get("greet") is not first


def test_a_layer_is_found_and_its_keys_are_those_of_a_listener(install: Install) -> None:
    text = LAYER.format(name="slow", field="delay: float = Field(0, description='seconds')")
    install("forge-slow", "forge_slow", text, "slow = forge_slow:layer", "netforge.layers")
    catalogue = Catalogue()
    assert {"address", "log", "delay"} <= set(catalogue.listener_table.model_fields)
    assert catalogue.listener_table.model_validate({"address": "tcp:1", "delay": 3})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layer = 5", "it is no ILayer: The object 5 has failed to implement interface"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (
            LAYER.format(name="slow", field="").replace("def active", "def inactive"),
            "it is no ILayer: The object <forge_slow.Layer object",
        ),
        (LAYER.format(name="fast", field=""), "its entry point is called 'slow', but the layer says 'fast'"),
        (
            LAYER.format(name="slow", field="").replace("Place.LIMITS, Keys", "Place.LIMITS, 5"),
            "its keys are no Settings",
        ),
        (LAYER.format(name="slow", field="delay: float = Field(description='d')"), "its key 'delay' has no default"),
        (
            LAYER.format(name="slow", field="address: str = Field('', description='a')"),
            "its key 'address' is every listener's own",
        ),
    ],
)
def test_a_broken_layer_says_why_and_leaves_the_others(install: Install, text: str, expected: str) -> None:
    install("forge-slow", "forge_slow", text, "slow = forge_slow:layer", "netforge.layers")
    catalogue = Catalogue()
    assert reason(catalogue.layers, "slow").startswith(expected)
    assert "sight" in [layer.name for layer in catalogue.layers.working()]
    assert "delay" not in catalogue.listener_table.model_fields


def test_what_a_layer_lacks_is_named(install: Install) -> None:
    text = LAYER.format(name="slow", field="").replace("def active", "def inactive")
    install("forge-slow", "forge_slow", text, "slow = forge_slow:layer", "netforge.layers")
    assert "active" in reason(Catalogue().layers, "slow")


def test_what_is_shared_is_found_by_what_it_offers() -> None:
    from netforge.plugin import IBus, ILayer

    catalogue = Catalogue()
    assert [plugin.name for plugin in catalogue.offering(IBus)] == ["bus"]
    assert catalogue.offering(ILayer) == []


def test_two_layers_that_claim_one_key_are_both_broken(install: Install) -> None:
    for name in ("one", "two"):
        text = LAYER.format(name=name, field='idle: float = Field(60.0, description="seconds")')
        install(f"layer-{name}", f"layer_{name}", text, f"{name} = layer_{name}:layer", "netforge.layers")
    layers = Catalogue().layers
    expected = "the key 'idle' is claimed by one and two: remove one of them"
    assert [reason(layers, name) for name in ("one", "two")] == [expected, expected]
    assert "sight" in [layer.name for layer in layers.working()]
