"""Names of accounts."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.shared.accounts.names import NAME_CAP, normalised


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Ada", "ada"),
        ("ADA@Example.ORG", "ada@example.org"),
        ("u\u0308ber", "\u00fcber"),
        ("Stra\u00dfe", "strasse"),
        ("\u212bngstr\u00f6m", "\u00e5ngstr\u00f6m"),
        ("a b", "a b"),
        ("a" * NAME_CAP, "a" * NAME_CAP),
    ],
)
def test_names_that_are_the_same(name: str, same: str) -> None:
    assert normalised(name) == same


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "1 to 255 characters, not 0"),
        ("a" * (NAME_CAP + 1), "not 256"),
        (" ada", "begins nor ends"),
        ("ada\u3000", "begins nor ends"),
        ("a\0b", r"U\+0000"),
        ("a\nb", r"U\+000A"),
        ("a\x7fb", r"U\+007F"),
        ("a\u202eb", r"U\+202E"),
        ("a\u200bb", r"U\+200B"),
        ("a\ud800b", r"U\+D800"),
        ("a\u2028b", r"U\+2028"),
    ],
)
def test_what_is_no_name(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        normalised(name)


@given(st.text(max_size=20))
def test_a_normal_name_stays_as_it_is(name: str) -> None:
    with contextlib.suppress(ValueError):
        assert normalised(normalised(name)) == normalised(name)


@given(st.text(max_size=20))
def test_case_does_not_matter(name: str) -> None:
    with contextlib.suppress(ValueError):
        assert normalised(normalised(name).upper()) == normalised(normalised(name).upper().lower())
