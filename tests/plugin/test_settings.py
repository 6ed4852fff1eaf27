"""``Settings`` and ``Field``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError, create_model

from netforge.plugin import Field, Settings
from netforge.plugin.settings import Reading, renamed_from, watched


class Inner(Settings):
    """A table within."""

    path: Path | None = Field(None, description="a path in a table within")


class Paths(Settings):
    """Paths everywhere."""

    one: Path = Field(Path("one"), description="one")
    maybe: Path | None = Field(None, description="one or none")
    listed: list[Path] = Field([], description="some")
    paired: tuple[Path, str] = Field((Path("a"), "a"), description="a path and a text")
    named: dict[str, Path] = Field({}, description="by name")
    grouped: dict[str, list[Path]] = Field({}, description="groups by name")
    unique: frozenset[Path] = Field(frozenset(), description="each once")
    inner: Inner = Field(Inner(), description="a table")
    text: str = Field("text", description="no path")


def read(table: dict[str, Any], folder: Path = Path("/etc/forge")) -> Paths:
    return Paths.model_validate(table, context=Reading(folder))


def test_instances_never_change() -> None:
    settings: Any = Paths()
    with pytest.raises(ValidationError, match="frozen"):
        settings.text = "other"


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError, match="txet"):
        read({"txet": "x"})


def test_defaults_are_validated() -> None:
    class Wrong(Settings):
        """A default that breaks its own bound."""

        size: int = Field(0, gt=0, description="size")

    with pytest.raises(ValidationError, match="greater than 0"):
        Wrong()


def test_every_path_counts_from_the_folder_of_the_file() -> None:
    table = {
        "maybe": "m",
        "listed": ["l", "/abs"],
        "paired": ["p", "p"],
        "named": {"n": "n"},
        "grouped": {"g": ["g"]},
        "unique": ["u"],
        "inner": {"path": "i"},
        "text": "t",
    }
    settings, folder = read(table), Path("/etc/forge")
    assert settings.one == folder / "one", "a default too"
    assert settings.maybe == folder / "m"
    assert settings.listed == [folder / "l", Path("/abs")]
    assert settings.paired == (folder / "p", "p")
    assert settings.named == {"n": folder / "n"}
    assert settings.grouped == {"g": [folder / "g"]}
    assert settings.unique == frozenset({folder / "u"})
    assert settings.inner.path == folder / "i"
    assert settings.text == "t"


def test_a_home_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    settings = read({"one": "~/x", "listed": ["~"]})
    assert (settings.one, settings.listed) == (Path("/home/me/x"), [Path("/home/me")])


def test_the_home_of_nobody_is_an_error_of_that_key() -> None:
    with pytest.raises(ValidationError) as caught:
        read({"one": "~nobody-here/x"})
    [error] = caught.value.errors()
    assert (error["loc"], error["msg"]) == (("one",), "Value error, there is no home for ~nobody-here")


def test_paths_stay_as_they_are_outside_a_host() -> None:
    assert Paths(one=Path("~/x")).one == Path("~/x")


def test_a_field_has_earlier_names_one_or_several() -> None:
    class Renamed(Settings):
        """Renamed."""

        one: int = Field(1, description="one", renamed_from="eins")
        two: int = Field(2, description="two", renamed_from=["zwei", "deux"])
        three: int = Field(3, description="three")

    fields = Renamed.model_fields
    assert [list(renamed_from(fields[name])) for name in fields] == [["eins"], ["zwei", "deux"], []]


def test_a_field_is_watched_only_where_it_says_so() -> None:
    class Files(Settings):
        """Files."""

        seen: Path = Field(Path("a"), description="watched", watch=True)
        unseen: Path = Field(Path("b"), description="not watched")

    assert [watched(info) for info in Files.model_fields.values()] == [True, False]


@pytest.mark.parametrize(
    ("bounds", "good", "bad"),
    [
        ({"ge": 1}, 1, 0),
        ({"gt": 1}, 2, 1),
        ({"le": 1}, 1, 2),
        ({"lt": 1}, 0, 1),
        ({"min_length": 1}, "a", ""),
        ({"max_length": 1}, "a", "aa"),
        ({"pattern": "^a+$"}, "aa", "ab"),
    ],
)
def test_bounds_hold(bounds: dict[str, Any], good: Any, bad: Any) -> None:
    model = create_model("Bounded", __base__=Settings, value=(type(good), Field(description="a value", **bounds)))
    assert model.model_validate({"value": good}).model_dump() == {"value": good}
    with pytest.raises(ValidationError):
        model.model_validate({"value": bad})


def test_a_field_without_a_default_is_required() -> None:
    class Required(Settings):
        """One that is required."""

        value: int = Field(description="a value")

    with pytest.raises(ValidationError, match="Field required"):
        Required.model_validate({})


def test_a_default_factory_makes_the_default_afresh() -> None:
    class Made(Settings):
        """A default that is made."""

        values: list[int] = Field(default_factory=lambda: [1], description="values")

    assert Made().values == [1]
    assert Made().values is not Made().values


def test_a_description_is_required() -> None:
    field: Any = Field
    with pytest.raises(TypeError, match="description"):
        field(1)
