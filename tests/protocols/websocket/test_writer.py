from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.websocket._masks import LARGE, masked
from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket._writer import MessageWriter
from netforge.protocols.websocket.events import Close, Ping, Pong
from tests.protocols.websocket.frames import KEY, frame, read

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


@given(st.binary(max_size=20), st.integers(0, 3 * LARGE), st.binary(min_size=4, max_size=4))
def test_a_mask_lies_on_every_byte(data: bytes, more: int, key: bytes) -> None:
    data += bytes(more)
    expected = bytes(byte ^ key[place % 4] for place, byte in enumerate(data))
    assert masked(data, key) == expected
    assert masked(expected, key) == data


@pytest.mark.parametrize("size", SIZES)
def test_frames_have_their_shortest_form(size: int) -> None:
    data = b"\x01" * size
    assert MessageWriter().message(data) == frame(2, data, key=None)
    assert MessageWriter(lambda size: KEY[:size]).message(data) == frame(2, data)
    assert MessageWriter().message("a" * size) == frame(1, b"a" * size, key=None)


@settings(max_examples=30)
@given(st.lists(st.one_of(st.text(), st.binary())))
def test_what_is_written_is_read(messages: list[str | bytes]) -> None:
    server, client = MessageWriter(), MessageWriter(bytes)
    assert read(MessageReader(masked=False, most=1000), [server.message(one) for one in messages]) == messages
    assert read(MessageReader(masked=True, most=1000), [client.message(one) for one in messages]) == messages


def test_signs_are_written_as_they_are_read() -> None:
    writer = MessageWriter()
    said = [writer.ping(), writer.ping(b"a"), writer.pong(b"b"), writer.close(1005, ""), writer.close(4999, "ä")]
    found = read(MessageReader(masked=False, most=0), said)
    assert found == [Ping(b""), Ping(b"a"), Pong(b"b"), Close(1005, ""), Close(4999, "ä")]


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 1016, 2999, 5000])
def test_a_code_that_may_not_be_said_is_refused(code: int) -> None:
    with pytest.raises(LocalProtocolError, match="no code for closing"):
        MessageWriter().close(code, "")


def test_a_reason_that_is_too_long_is_refused() -> None:
    assert len(MessageWriter().close(1000, "x" * 123)) == 127
    with pytest.raises(LocalProtocolError, match="at most 123 bytes, not 124"):
        MessageWriter().close(1000, "ä" * 62)


def test_a_text_that_is_none_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="not a text"):
        MessageWriter().message("\ud800")
