"""SASLprep."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.sasl import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),  # RFC 4013, section 3
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("", ""),
        ("\u00ad", ""),
        ("a\u3000b", "a b"),
        ("\u0627\u0628", "\u0627\u0628"),
    ],
)
def test_what_is_prepared(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\u0007", "U\\+0007 is prohibited"),  # RFC 4013, section 3
        ("\u06271", "begin and end"),
        ("1\u0627", "begin and end"),
        ("\u0627a\u0627", "both directions"),
        ("a\u007f", "U\\+007F"),
        ("a\u0085", "U\\+0085"),
        ("a\ue000", "U\\+E000"),
        ("a\ufdd0", "U\\+FDD0"),
        ("a\ud800", "U\\+D800"),
        ("a\ufffd", "U\\+FFFD"),
        ("a\u2ff0", "U\\+2FF0"),
        ("a\u202e", "U\\+202E"),
        ("a\U000e0001", "U\\+E0001"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        saslprep(text)


def test_only_what_is_compared_may_have_code_points_of_later_versions() -> None:
    assert saslprep("\u0221") == "\u0221"
    with pytest.raises(ValueError, match=r"U\+0221 is not assigned"):
        saslprep("\u0221", stored=True)


@given(st.text())
def test_what_is_prepared_for_storage_stays_as_it_is(text: str) -> None:
    with contextlib.suppress(ValueError):
        prepared = saslprep(text, stored=True)
        assert saslprep(prepared, stored=True) == prepared


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_ascii_stays_as_it_is(text: str) -> None:
    assert saslprep(text) == text
