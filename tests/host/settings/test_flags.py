"""Flags made from settings, whatever command line they are for."""

from __future__ import annotations

from typing import Literal

import pytest

from netforge.host.settings.flags import flags, table
from netforge.plugin import Field, Listen, Settings


class Everything(Settings):
    """One of each kind."""

    listen: list[Listen] = Field([Listen("tcp:7")], description="where")
    word: Literal["one", "two"] = Field("one", description="which")
    in_color: bool = Field(False, description="colourful")
    safe: bool = Field(True, description="safe")
    needed: int = Field(description="a number")
    limits: dict[str, int] = Field({}, description="limits by name")


FLAGS = {flag.name: flag for flag in flags(Everything)}


def test_each_field_has_one_flag_in_order() -> None:
    assert list(FLAGS) == ["listen", "word", "in-color", "no-safe", "needed", "limits"]


def test_help_has_the_choices_and_the_default() -> None:
    assert FLAGS["word"].help == "which: one, two [default: one]"
    assert FLAGS["listen"].help == "where [default: tcp:0.0.0.0:7]"
    assert FLAGS["needed"].help == "a number"


def test_lists_are_repeated_and_switches_take_no_value() -> None:
    assert [name for name, flag in FLAGS.items() if flag.repeated] == ["listen"]
    assert [name for name, flag in FLAGS.items() if flag.switch] == ["in-color", "no-safe"]
    assert [name for name, flag in FLAGS.items() if flag.required] == ["needed"]


def test_a_table_is_made_of_what_was_given() -> None:
    given = [
        (FLAGS["listen"], "tcp:7"),
        (FLAGS["listen"], '{ address = "udp:7", log = true }'),
        (FLAGS["in-color"], None),
        (FLAGS["no-safe"], None),
        (FLAGS["needed"], "5"),
        (FLAGS["limits"], "{ a = 1 }"),
    ]
    made = table(given)
    assert made == {
        "listen": ["tcp:7", {"address": "udp:7", "log": True}],
        "in_color": True,
        "safe": False,
        "needed": "5",
        "limits": {"a": 1},
    }


def test_a_whole_list_may_be_given_as_toml() -> None:
    assert table([(FLAGS["listen"], '["tcp:7", "udp:7"]')]) == {"listen": ["tcp:7", "udp:7"]}


def test_a_value_that_is_no_toml_names_its_flag() -> None:
    with pytest.raises(ValueError, match="--limits: not TOML"):
        table([(FLAGS["limits"], "{ a = ")])
