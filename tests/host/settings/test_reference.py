"""The reference of a model, as reStructuredText."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from netforge.host.settings.reference import reference
from netforge.plugin import Field, Listen, Settings


class Rule(Settings):
    """One rule."""

    match: str = Field(description="what it is for", pattern="[a-z]+")


class Model(Settings):
    """Everything that a model can have.

    A second paragraph, with *markup*.
    """

    listen: list[Listen] = Field([Listen("tcp:7")], description="where", min_length=1)
    kind: Literal["a", "b"] = Field("a", description="which")
    name: str = Field(description="not *.py, `x`, y_ or |z|", min_length=1, max_length=8)
    ratio: float = Field(0.5, gt=0, lt=1, description="how much")
    size: int | None = Field(None, ge=1, le=65507, description="how many bytes.")
    fast: bool = Field(True, description="whether", renamed_from=["quick", "rapid"])
    folders: list[Path] = Field(default_factory=list, description="folders")
    file: Path | None = Field(None, description="a file", watch=True)
    either: int | str = Field("näher", description="two types")
    rules: list[Rule] = Field([], description="rules")
    first: Rule = Field(Rule(match="x"), description="the first rule")
    named: dict[str, Rule] = Field(default_factory=dict, description="rules by name")


TEXT = reference("[services.a_b]", Model, ["[services.a_b]\nname = 'x'\n"])


def about(key: str, text: str = TEXT) -> list[str]:
    """The lines on a key, and on what is within it."""
    lines = text.splitlines()
    begin = lines.index(f"``{key}``") + 1
    end = next((n for n in range(begin, len(lines)) if lines[n] and not lines[n].startswith(" ")), len(lines))
    return [line.strip() for line in lines[begin:end] if line]


def test_heading_is_as_long_as_its_line() -> None:
    heading, line = TEXT.splitlines()[:2]
    assert heading == r"[services.a\_b]"
    assert line == "-" * len(heading)


def test_docstring_is_the_introduction() -> None:
    assert "Everything that a model can have.\n\nA second paragraph, with *markup*.\n" in TEXT


def test_types_bounds_and_defaults() -> None:
    assert about("listen") == [
        'List of listeners, 1 or more entries. Default: ``["tcp:7"]``.'.replace(":7", ":0.0.0.0:7"),
        "Where.",
    ]
    assert about("kind") == ['One of ``"a"``, ``"b"``. Default: ``"a"``.', "Which."]
    assert about("name")[0] == "Text, 1 or more characters, 8 or fewer characters. Required."
    assert about("ratio")[0] == "Number, more than 0, less than 1. Default: ``0.5``."
    assert about("size") == ["Whole number, at least 1, at most 65507. Optional.", "How many bytes."]
    assert about("folders")[0] == "List of paths. Default: ``[]``."
    assert about("either")[0] == 'Whole number or text. Default: ``"näher"``.'


def test_a_description_is_no_markup() -> None:
    assert about("name")[1] == r"Not \*.py, \`x\`, y\_ or \|z\|."


def test_earlier_names_and_watched_files() -> None:
    assert about("fast") == ["Switch. Default: ``true``.", "Whether.", "Earlier called ``quick``, ``rapid``."]
    assert about("file")[2] == "A reload notices when the content of the file has changed."


def test_tables_within() -> None:
    inner = ["``match``", "Text, like ``[a-z]+``. Required.", "What it is for."]
    assert about("rules") == ["List of tables. Default: ``[]``.", "Rules.", *inner]
    assert about("first") == ["Table. Optional.", "The first rule.", *inner]
    assert about("named")[0] == "Table of tables. Default: ``{}``."


def test_examples_are_code() -> None:
    assert TEXT.endswith(".. code-block:: toml\n\n    [services.a_b]\n    name = 'x'\n")


def test_a_model_without_keys() -> None:
    class Empty(Settings):
        """Nothing."""

    assert reference("[x]", Empty) == "[x]\n---\n\nNothing.\n\nIt has no keys.\n"
