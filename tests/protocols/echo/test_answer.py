from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.echo import Answer, AnswerReader
from netforge.protocols.errors import RemoteProtocolError

CHUNKS = st.lists(st.binary(max_size=6), max_size=8)


def run(reader: AnswerReader, chunks: list[bytes]) -> list[Answer] | str:
    """All events of a stream that ends, or the error."""
    events = []
    try:
        for chunk in chunks:
            events += reader.receive_data(chunk)
        events += reader.receive_eof()
    except RemoteProtocolError as error:
        return str(error)
    return events


@given(CHUNKS, st.integers(min_value=1, max_value=30))
def test_the_end_of_the_stream_completes_the_answer_in_any_chunking(chunks: list[bytes], cap: int) -> None:
    data = b"".join(chunks)
    outcome = run(AnswerReader(cap), chunks)
    assert outcome == run(AnswerReader(cap), [data])
    assert outcome == ([Answer(data)] if len(data) <= cap else f"the answer is longer than {cap} bytes")


@given(CHUNKS, st.integers(min_value=1, max_value=30))
def test_the_last_byte_completes_an_exact_answer_in_any_chunking(chunks: list[bytes], size: int) -> None:
    data = b"".join(chunks)
    outcome = run(AnswerReader(size, exact=True), chunks)
    assert outcome == run(AnswerReader(size, exact=True), [data])
    short = f"the stream ended after {len(data)} of {size} bytes"
    assert outcome == ([Answer(data[:size])] if len(data) >= size else short)


def test_an_answer_is_reported_when_it_is_whole_and_once() -> None:
    exact = AnswerReader(4, exact=True)
    assert exact.receive_data(b"abc") == []
    assert exact.receive_data(b"de") == [Answer(b"abcd")]
    assert exact.receive_data(b"f") == exact.receive_eof() == []
    open_end = AnswerReader(4)
    assert open_end.receive_data(b"abcd") == []
    assert open_end.receive_eof() == [Answer(b"abcd")]
    assert open_end.receive_eof() == []


def test_the_cap_is_enforced_before_the_end() -> None:
    reader = AnswerReader(4)
    with pytest.raises(RemoteProtocolError, match="longer than 4 bytes"):
        reader.receive_data(b"abcde")
