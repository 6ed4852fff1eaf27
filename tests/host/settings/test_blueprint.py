"""From a document to everything that runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netforge.host.discovery import Catalogue, Found, Registry
from netforge.host.settings.blueprint import listeners
from netforge.plugin import Context, Field, Listen, Parts, Settings, service

if TYPE_CHECKING:
    from tests.conftest import Installed
    from tests.host.settings.conftest import Draw, Wrong


class Inner(Settings):
    """A table within."""

    listen: Listen = Field(Listen("tcp:0"), description="where")


class Plain(Settings):
    """A service."""

    listen: list[Listen] = Field([], description="where")
    inner: Inner | None = Field(None, description="a table within")
    inners: list[Inner] = Field([], description="tables within")
    named: dict[str, Listen] = Field({}, description="listeners by name")
    size: int = Field(1, description="a size")


@service("plain", Plain)
def plain(settings: Plain, context: Context) -> Parts:
    """Build nothing."""
    return []


@service("plane", Plain)
def plane(settings: Plain, context: Context) -> Parts:
    """Build nothing."""
    return []


@pytest.fixture
def catalogue(installed: type[Installed]) -> Catalogue:
    return installed(plain, plane)


def test_a_plan_says_what_to_build_and_where_it_is_written(drawn: Draw, catalogue: Catalogue) -> None:
    [plan] = drawn("\n[services.plain]\nsize = 3\nlisten = ['tcp:7', 'udp:7']", catalogue).plans
    assert (plan.name, plan.plugin, plan.where) == ("plain", plain, "forge.toml:2")
    assert plan.settings == Plain(size=3, listen=[Listen("tcp:7"), Listen("udp:7")])
    assert [one.listen for one in plan.listeners] == [Listen("tcp:7"), Listen("udp:7")]


def test_a_table_may_be_called_as_it_likes_and_name_its_service(drawn: Draw, catalogue: Catalogue) -> None:
    plans = drawn("[services.a]\nservice = 'plain'\n[services.plain]\n[services.plane]\nservice = 'plain'", catalogue)
    assert {plan.name: plan.plugin for plan in plans.plans} == {"a": plain, "plain": plain, "plane": plain}


@pytest.mark.parametrize("text", ["", "[netforge]", "[services]"])
def test_a_file_without_a_service_is_taken_for_unfinished(wrong: Wrong, catalogue: Catalogue, text: str) -> None:
    assert wrong(text, catalogue) == ["forge.toml: nothing to run: add a table [services.NAME]"]


@pytest.mark.parametrize("name", ["", "../escaped", ".hidden", "a/b", "a b"])
def test_a_name_that_is_no_name_of_a_folder_is_an_error(wrong: Wrong, catalogue: Catalogue, name: str) -> None:
    [problem] = wrong(f'[services."{name}"]\nservice = "plain"', catalogue)
    assert "a name has letters, digits" in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[servces]", "forge.toml:1: servces: unknown table; did you mean 'services'?"),
        ("[zzz]", "forge.toml:1: zzz: unknown table"),
        ("listen = 'tcp:7'", "forge.toml:1: listen: unknown table"),
        ("netforge = 5", "forge.toml:1: netforge: expected a table"),
        ("services = 5", "forge.toml:1: services: expected a table"),
        ("shared = []", "forge.toml:1: shared: expected a table"),
        ("[services]\nplain = 5", "forge.toml:2: services.plain: expected a table"),
        ("[[services.plain]]", "forge.toml:1: services.plain: expected a table"),
        ("[services.plainn]", "forge.toml:1: services.plainn: no service 'plainn' is installed; did you mean 'plain'?"),
        ("[services.x]", "forge.toml:1: services.x: no service 'x' is installed; there are plain, plane"),
        ("[shared.x]", "forge.toml:1: shared.x: no shared component 'x' is installed; there are none"),
        (
            "[services.plain]\nservice = 'plan'",
            "forge.toml:2: services.plain.service: no service 'plan' is installed; did you mean 'plane'?",
        ),
        (
            "[services.plain]\nservice = ['plain']",
            "forge.toml:2: services.plain.service: no service ['plain'] is installed; did you mean 'plain'?",
        ),
        ("[netforge]\ndrain_deadlin = 1", "forge.toml:2: netforge.drain_deadlin: unknown key; did you mean"),
    ],
)
def test_what_is_unknown_is_said_with_the_nearest_word(
    wrong: Wrong, catalogue: Catalogue, text: str, expected: str
) -> None:
    [problem] = wrong(text, catalogue)
    assert problem.startswith(expected)


def test_a_broken_plugin_is_named_with_its_reason_where_it_is_used(wrong: Wrong, catalogue: Catalogue) -> None:
    def load() -> Any:
        raise ImportError("no module named 'snap7'")

    found = [Found("snap", "forge-snap 1.0", load), Found("plain", "the test", partial(_itself, plain))]
    catalogue.services = Registry(found, lambda name, loaded: loaded)
    reason = "plugin 'snap' from forge-snap 1.0 is broken: ImportError: no module named 'snap7'"
    assert wrong("[services.snap]\n[services.b]\nservice = 'snap'\n[services.plain]\nsise = 1", catalogue) == [
        f"forge.toml:1: services.snap: {reason}",
        f"forge.toml:3: services.b.service: {reason}",
        "forge.toml:5: services.plain.sise: unknown key; did you mean 'size'?",
    ]


def _itself(thing: Any) -> Any:
    return thing


def test_listeners_are_found_wherever_they_stand() -> None:
    settings = Plain(
        listen=[Listen("tcp:1"), Listen("tcp:2")],
        inner=Inner(listen=Listen("tcp:3")),
        inners=[Inner(listen=Listen("tcp:4")), Inner(listen=Listen("tcp:5"))],
        named={"a": Listen("tcp:6")},
    )
    assert {key: str(one) for key, one in listeners(settings)} == {
        ("listen", 0): "tcp:0.0.0.0:1",
        ("listen", 1): "tcp:0.0.0.0:2",
        ("inner", "listen"): "tcp:0.0.0.0:3",
        ("inners", 0, "listen"): "tcp:0.0.0.0:4",
        ("inners", 1, "listen"): "tcp:0.0.0.0:5",
        ("named", "a"): "tcp:0.0.0.0:6",
    }


@pytest.mark.parametrize("address", ["tcp:127.0.0.1:7", "udp:7", "unix:a.sock", "fd:3"])
def test_an_address_that_is_taken_names_the_other_place(wrong: Wrong, catalogue: Catalogue, address: str) -> None:
    text = f"[services.plain]\nlisten = ['{address}']\n[services.plane]\n\ninner = {{ listen = '{address}' }}"
    [problem] = wrong(text, catalogue)
    assert problem.startswith("forge.toml:5: services.plane.inner.listen: ")
    assert problem.endswith(" is taken in forge.toml:2 already")


def test_one_port_for_streams_and_one_for_datagrams_are_two(drawn: Draw, catalogue: Catalogue) -> None:
    [plan] = drawn("[services.plain]\nlisten = ['tcp:7', 'udp:7', 'tcp6:7', 'tcp:127.0.0.1:7']", catalogue).plans
    assert len({one.identity for one in plan.listeners}) == 4


def test_port_0_is_another_port_each_time_and_the_same_after_a_reload(drawn: Draw, catalogue: Catalogue) -> None:
    text = "[services.plain]\nlisten = ['tcp:0', 'tcp:0']"
    first, second = (drawn(text, catalogue).plans[0].listeners for _ in range(2))
    assert len({one.identity for one in first}) == 2
    assert [one.identity for one in first] == [one.identity for one in second]


def test_port_0_on_another_host_is_another_listener(drawn: Draw, catalogue: Catalogue) -> None:
    identities = {
        drawn(f"[services.plain]\nlisten = ['{address}']", catalogue).plans[0].listeners[0].identity
        for address in ("tcp:0", "tcp:127.0.0.1:0", "udp:0", "tcp6:0")
    }
    assert len(identities) == 4


def test_free_ports_take_the_place_of_every_port(drawn: Draw, catalogue: Catalogue) -> None:
    text = "[services.plain]\nlisten = ['tcp:7', 'unix:a']\n[services.plane]\nlisten = ['tcp:7']"
    plans = drawn(text, catalogue, free_ports=True).plans
    assert [str(one.listen) for plan in plans for one in plan.listeners][::2] == ["tcp:0.0.0.0:0", "tcp:0.0.0.0:0"]
    assert len({one.identity for plan in plans for one in plan.listeners}) == 3


def test_the_state_folder_of_systemd_takes_the_place_of_the_default(
    drawn: Draw, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/forge:/var/lib/other")
    assert drawn("[services.plain]", catalogue).host.state == Path("/var/lib/forge")
    assert drawn("[netforge]\nstate = 'mine'\n[services.plain]", catalogue).host.state == folder / "mine"


def test_a_folder_of_plugins_that_is_not_there_is_an_error(wrong: Wrong, folder: Path) -> None:
    (folder / "there").mkdir()
    assert wrong("[netforge]\nplugin_dirs = [\n  'there',\n  'missing',\n]") == [
        f"forge.toml:4: netforge.plugin_dirs[1]: {folder}/missing: no such folder"
    ]


def test_plugins_of_a_folder_that_the_file_names_are_used(drawn: Draw, folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "own.py").write_text(
        "from netforge.plugin import Settings, service\n"
        "class OwnSettings(Settings):\n    '''Own.'''\n"
        "@service('own', OwnSettings)\ndef own(settings, context):\n    return []\n"
    )
    text = "[netforge]\nplugin_dirs = ['mine']\n[services.own]"
    [before], [after] = (drawn(text).plans for _ in range(2))
    assert before.name == "own"
    assert before.same_as(after), "the file was not run again"


def test_plans_are_the_same_wherever_they_stand(drawn: Draw, catalogue: Catalogue) -> None:
    table = "[services.plain]\nlisten = ['tcp:7']\nsize = {size}"
    [before] = drawn(table.format(size=3), catalogue).plans
    [moved] = drawn("\n\n" + table.format(size=3), catalogue).plans
    [changed] = drawn(table.format(size=4), catalogue).plans
    assert before.where != moved.where
    assert before.same_as(moved)
    assert not before.same_as(changed)
