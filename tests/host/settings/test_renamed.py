"""Old names of keys: they work, with a warning that tells where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netforge.host.settings import draw, read_document
from netforge.host.settings.mending import mend
from netforge.plugin import Context, Field, Listen, Parts, Settings, service

if TYPE_CHECKING:
    from netforge.host.discovery import Catalogue
    from tests.conftest import Installed
    from tests.host.settings.conftest import Draw, Wrong


class Limits(Settings):
    """A table within."""

    most: int = Field(1, ge=0, description="the most", renamed_from="max")


class Renamed(Settings):
    """Everything had another name once."""

    listen: list[Listen] = Field([], description="where", renamed_from=["ports", "port"])
    limits: Limits = Field(Limits(), description="limits", renamed_from="bounds")
    maybe: Limits | None = Field(None, description="limits or none")
    several: list[Limits] = Field([], description="limits of several")
    named: dict[str, Limits] = Field({}, description="limits by name")


@service("renamed", Renamed)
def renamed(settings: Renamed, context: Context) -> Parts:
    """Build nothing."""
    return []


@pytest.fixture
def catalogue(installed: type[Installed]) -> Catalogue:
    return installed(renamed)


EVERYWHERE = """
[services.renamed]
ports = ["udp:0"]
maybe = { max = 3 }
several = [{ most = 4 }, { max = 5 }]
named.one.max = 6
[services.renamed.bounds]
max = 2
"""

#: The same with today's names.
MENDED = """
[services.renamed]
listen = ["udp:0"]
maybe = { most = 3 }
several = [{ most = 4 }, { most = 5 }]
named.one.most = 6
[services.renamed.limits]
most = 2
"""


def test_old_names_work_at_any_depth(drawn: Draw, catalogue: Catalogue) -> None:
    settings: Any = drawn(EVERYWHERE, catalogue).plans[0].settings
    assert [str(one) for one in settings.listen] == ["udp:0.0.0.0:0"]
    assert settings.limits == Limits(most=2)
    assert settings.maybe == Limits(most=3)
    assert settings.several == [Limits(most=4), Limits(most=5)]
    assert settings.named == {"one": Limits(most=6)}


def test_each_old_name_is_a_warning_with_its_place(drawn: Draw, catalogue: Catalogue) -> None:
    fixes = "netforge check --fix renames it"
    assert {str(warning) for warning in drawn(EVERYWHERE, catalogue).warnings} == {
        f"forge.toml:3: services.renamed.ports: is called 'listen' now; {fixes}",
        f"forge.toml:4: services.renamed.maybe.max: is called 'most' now; {fixes}",
        f"forge.toml:5: services.renamed.several[1].max: is called 'most' now; {fixes}",
        f"forge.toml:6: services.renamed.named.one.max: is called 'most' now; {fixes}",
        f"forge.toml:7: services.renamed.bounds: is called 'limits' now; {fixes}",
        f"forge.toml:8: services.renamed.bounds.max: is called 'most' now; {fixes}",
    }


def test_each_old_name_stands_where_its_key_says(folder: Path, drawn: Draw, catalogue: Catalogue) -> None:
    renames = drawn(EVERYWHERE, catalogue).renames
    source = read_document(folder / "forge.toml").main
    assert source is not None
    assert len(renames) == 6
    for one in renames:
        position = source.positions[one.key]
        assert source.text[position.start : position.end] == one.key[-1]


def test_mending_leaves_no_old_name(folder: Path, catalogue: Catalogue) -> None:
    path = folder / "forge.toml"
    path.write_text(EVERYWHERE)
    document = read_document(path)
    assert mend(document, draw(document, catalogue).renames) == {path: 6}
    assert path.read_text() == MENDED


def test_old_names_in_an_included_file_stand_there(folder: Path, drawn: Draw, catalogue: Catalogue) -> None:
    (folder / "more.toml").write_text("\n\n[services.renamed]\nport = ['tcp:0']\n")
    [warning] = drawn("include = 'more.toml'", catalogue).warnings
    assert warning.where == "more.toml:4"


def test_today_s_names_are_no_warning(drawn: Draw, catalogue: Catalogue) -> None:
    blueprint = drawn(MENDED, catalogue)
    assert (blueprint.warnings, blueprint.renames) == ([], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("listen = []\nports = []", "3: services.renamed.ports: is an old name of 'listen', which is there too"),
        ("limits = { most = 1, max = 2 }", "2: services.renamed.limits.max: is an old name of 'most', which is there"),
        ("bounds = { most = 1, max = 2 }", "2: services.renamed.bounds.max: is an old name of 'most', which is there"),
    ],
)
def test_old_and_new_name_together_are_an_error(wrong: Wrong, catalogue: Catalogue, text: str, expected: str) -> None:
    [problem] = wrong(f"[services.renamed]\n{text}", catalogue)
    assert problem.startswith(f"forge.toml:{expected}")
    assert problem.endswith(": remove one")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ports = 5", "2: services.renamed.ports: expected a list; found 5"),
        ("ports = ['tcp:x']", "2: services.renamed.ports[0]: expected a port from 0 to 65535, found 'x'"),
        ("bounds = { max = -1 }", "2: services.renamed.bounds.max: expected at least 0; found -1"),
        ("bounds = { mots = 1 }", "2: services.renamed.bounds.mots: unknown key; did you mean 'most'?"),
        ("several = [{ max = 'x' }]", "2: services.renamed.several[0].max: expected a valid integer; found 'x'"),
        ("ports = ['tcp:1', 'tcp:1']", "2: services.renamed.ports[1]: tcp:0.0.0.0:1 is taken in forge.toml:2 already"),
        ("ports = ['${env:MISSING}']", "2: services.renamed.ports[0]: the environment has no MISSING"),
    ],
)
def test_a_mistake_under_an_old_name_is_said_under_that_name(
    wrong: Wrong, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.delenv("MISSING", raising=False)
    assert wrong(f"[services.renamed]\n{text}", catalogue) == [f"forge.toml:{expected}"]


def test_a_default_table_is_left_alone_where_the_file_is_silent(drawn: Draw, catalogue: Catalogue) -> None:
    assert drawn("[services.renamed]", catalogue).plans[0].settings == Renamed()
