"""Ranges, by RFC 9110, section 14."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.services.web.static.ranges import MOST_RANGES, Span, spans_of


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        (b"bytes=0-0", [(0, 1)]),
        (b"bytes=0-9", [(0, 10)]),
        (b"bytes=10-", [(10, 100)]),
        (b"bytes=-5", [(95, 100)]),
        (b"bytes=-500", [(0, 100)]),
        (b"bytes=90-1000", [(90, 100)]),
        (b"Bytes=0-9", [(0, 10)]),
        (b"bytes= 0-9 ,\t, 20-29,", [(0, 10), (20, 30)]),
        (b"bytes=20-29,0-9", [(20, 30), (0, 10)]),
        (b"bytes=0-9,5-20", [(0, 21)]),
        (b"bytes=0-9,10-19", [(0, 20)]),
        (b"bytes=50-59,0-9,40-52,8-20", [(40, 60), (0, 21)]),
        (b"bytes=200-,0-0", [(0, 1)]),
        (b"bytes=0-" + b"9" * 5000, [(0, 100)]),
        (b"bytes=" + b"0" * 5000 + b"5-7", [(5, 8)]),
    ],
)
def test_what_is_asked_for(value: bytes, spans: list[Span]) -> None:
    assert spans_of(value, 100) == spans


@pytest.mark.parametrize("value", [b"bytes=100-", b"bytes=100-200,300-", b"bytes=-0", b"bytes=" + b"9" * 5000 + b"-"])
def test_nothing_of_it_is_there(value: bytes) -> None:
    assert spans_of(value, 100) == []


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"bytes", b"bytes=", b"bytes=,", b"bytes=-", b"bytes=5-4", b"bytes=0-9,x", b"bytes=0x1-2"),
        *(b"bytes=1-2-3", b"bytes=+1-2", b"bytes=1 -2", b"lines=0-9", b"bytes:0-9", b"0-9"),
        "bytes=\u0661-\u0662".encode(),
        b"bytes=" + b",".join(b"%d-%d" % (n * 4, n * 4) for n in range(MOST_RANGES + 1)),
    ],
)
def test_what_is_ignored(value: bytes) -> None:
    assert spans_of(value, 100) is None


def test_of_what_is_empty_there_are_no_parts() -> None:
    assert spans_of(b"bytes=0-", 0) == []
    assert spans_of(b"bytes=-0", 0) == []
    assert spans_of(b"bytes=-5", 0) is None


NUMBER = st.integers(0, 60)
SPEC = st.one_of(
    st.tuples(NUMBER, NUMBER).map(lambda pair: (min(pair), max(pair))),
    st.tuples(NUMBER, st.none()),
    st.tuples(st.none(), st.integers(1, 60)),
)


@given(st.lists(SPEC, min_size=1, max_size=MOST_RANGES), st.integers(1, 50))
def test_the_spans_are_what_was_asked_for_once(specs: list[tuple[int | None, int | None]], size: int) -> None:
    asked: set[int] = set()
    texts = []
    for first, last in specs:
        texts.append(f"{'' if first is None else first}-{'' if last is None else last}")
        if first is None:
            assert last is not None
            asked |= set(range(max(0, size - last), size))
        else:
            asked |= set(range(first, size if last is None else min(last + 1, size)))
    spans = spans_of(f"bytes={','.join(texts)}".encode(), size)
    assert spans is not None
    covered = [number for start, stop in spans for number in range(start, stop)]
    assert sorted(covered) == sorted(asked)
    # And none touches another, which would have been joined.
    assert not {stop for _, stop in spans} & {start for start, _ in spans}


@given(st.binary(max_size=40), st.integers(0, 100))
def test_no_value_breaks_it(value: bytes, size: int) -> None:
    for prefix in (b"", b"bytes="):
        assert all(0 <= start < stop <= size for start, stop in spans_of(prefix + value, size) or ())
