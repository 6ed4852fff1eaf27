from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from netforge.protocols.echo import QUOTE_CAP, IQuotes, Quotes, format_quote, parse_quote
from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=QUOTE_CAP)


def test_known() -> None:
    assert format_quote("Less is\nmore.\r\n") == b"Less is\r\nmore.\r\n"
    assert format_quote("") == b"\r\n"
    assert parse_quote(b"Less is\r\nmore.\r\n") == "Less is\nmore."
    assert parse_quote(b"bare") == "bare"


@given(TEXTS)
def test_round_trip_or_refusal(quote: str) -> None:
    lines = quote.splitlines() or [""]
    size = sum(len(line.encode()) + 2 for line in lines)
    if size > QUOTE_CAP:
        with pytest.raises(LocalProtocolError, match="at most 511 bytes"):
            format_quote(quote)
    else:
        data = format_quote(quote)
        assert len(data) == size
        assert parse_quote(data) == "\n".join(lines)


def test_the_longest_has_less_than_512_bytes() -> None:
    assert len(format_quote("x" * 509)) == 511
    with pytest.raises(LocalProtocolError):
        format_quote("x" * 510)


def test_what_utf_8_cannot_express_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="not a text"):
        format_quote("\ud800")


def test_a_quote_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="UTF-8"):
        parse_quote(b"\xff")


def test_quotes_choose_by_the_random_source() -> None:
    texts = [str(number) for number in range(100)]
    quotes = Quotes(texts, Random(1))
    assert verifyObject(IQuotes, quotes)
    drawn = [quotes.quote() for _ in range(500)]
    again = Quotes(texts, Random(1))
    assert drawn == [again.quote() for _ in range(500)]
    assert set(drawn) <= set(texts)
    assert len(set(drawn)) > 50


@pytest.mark.parametrize("texts", [[], ["good", "x" * 600]])
def test_quotes_are_checked_at_the_start(texts: list[str]) -> None:
    with pytest.raises(LocalProtocolError):
        Quotes(texts, Random(1))
