"""What ``netforge.plugin`` promises as a whole: public names, documented, and declarations only."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from zope.interface import Interface
from zope.interface.interface import InterfaceClass, Method

import netforge.plugin

NAMES = netforge.plugin.__all__

IMPORT = """
import sys
import netforge.plugin
print("\\n".join(sys.modules))
"""


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The modules that a fresh interpreter has after importing the contract."""
    run = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_public_names_are_sorted_constants_then_classes_then_functions() -> None:
    assert sorted(NAMES, key=lambda name: (not name.isupper(), name.islower(), name)) == NAMES
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    public = getattr(netforge.plugin, name)
    if inspect.isclass(public) or inspect.isfunction(public) or isinstance(public, InterfaceClass):
        assert public.__doc__
        assert public.__doc__.strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_public_method_is_documented(name: str) -> None:
    public = getattr(netforge.plugin, name)
    if isinstance(public, InterfaceClass):
        methods = {key: one.__doc__ for key, one in public.namesAndDescriptions() if isinstance(one, Method)}
    else:
        own = vars(public).items() if inspect.isclass(public) else ()
        found = {key: one.fget if isinstance(one, property) else getattr(one, "__func__", one) for key, one in own}
        methods = {
            key: one.__doc__ for key, one in found.items() if inspect.isfunction(one) and not key.startswith("_")
        }
    undocumented = [key for key, text in methods.items() if not (text or "").strip()]
    assert undocumented == []


def test_interfaces_of_shared_components_are_interfaces() -> None:
    assert all(
        issubclass(type(getattr(netforge.plugin, name)), type(Interface))
        for name in ("IBus", "IDrainable", "ILayer", "ISubscription")
    )


def test_importing_the_contract_imports_no_reactor(imported: set[str]) -> None:
    assert "twisted.internet.reactor" not in imported
    assert {name for name in imported if name.endswith("reactor")} == set()


def test_importing_the_contract_imports_nothing_above_it(imported: set[str]) -> None:
    ours = {name.split(".")[1] for name in imported if name.startswith("netforge.")}
    assert ours == {"plugin", "protocols"}


def test_importing_the_contract_imports_no_protocol(imported: set[str]) -> None:
    assert {name for name in imported if name.startswith("netforge.protocols.")} == {
        "netforge.protocols.interfaces",
        "netforge.protocols.sendfile",
    }
