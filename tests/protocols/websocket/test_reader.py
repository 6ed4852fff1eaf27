"""The reader by itself, and against wsproto."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket.events import Close, Ping, Pong
from tests.protocols.websocket.frames import conversations, cut, frame, read, streams

MOST = 1024 * 1024
cuts = st.lists(st.integers(0, 100_000), max_size=5)


def reader(most: int = MOST) -> MessageReader:
    return MessageReader(masked=True, most=most)


def oracle(data: bytes) -> list[Any]:
    """What wsproto makes of data."""
    protocol = FrameProtocol(client=False, extensions=[])
    found: list[Any] = []
    pieces: list[Any] = []
    protocol.receive_bytes(data)
    try:
        for one in protocol.received_frames():
            if one.opcode is Opcode.CLOSE:
                code, reason = cast(tuple[int, str], one.payload)
                found.append(Close(int(code), reason))
            elif one.opcode.iscontrol():
                found.append((Ping if one.opcode is Opcode.PING else Pong)(cast(bytes, one.payload)))
            else:
                pieces.append(one.payload)
                if one.message_finished:
                    found.append(type(pieces[0])().join(pieces))
                    pieces.clear()
    except ParseFailed as error:
        found.append(("refused", int(error.code)))
    return found


def before_close(found: list[Any]) -> list[Any]:
    """What was said before the Close: what comes after that is nobody's business."""
    for place, event in enumerate(found):
        if isinstance(event, Close):
            return found[: place + 1]
    return found


def ours(data: bytes) -> list[Any]:
    return before_close(read(reader(), [data]))


@settings(max_examples=50)
@given(conversations(), cuts)
def test_messages_are_read_as_wsproto_reads_them_however_they_are_cut(frames: list[bytes], at: list[int]) -> None:
    data = b"".join(frames)
    expected = ours(data)
    assert before_close(read(reader(), cut(data, at))) == expected
    assert expected == oracle(data)


@settings(max_examples=50)
@given(streams(), cuts)
@example(frame(1, b"a", fin=False) + frame(1, b"b"), [])
@example(frame(0, b"a"), [])
@example(frame(9, b"", fin=False), [])
@example(frame(9, bytes(126)), [])
@example(frame(2, b"", rsv=4), [])
@example(frame(2, b"", key=None), [1])
@example(b"\x82\xfe\x00\x05", [])
@example(b"\x82\xff" + (65_535).to_bytes(8), [])
@example(b"\x82\xff\x80" + bytes(7), [])
def test_what_is_wrong_is_refused_where_wsproto_refuses_it_however_it_is_cut(data: bytes, at: list[int]) -> None:
    # Ours does not wait for the rest of a head that is wrong already.
    data += bytes(14)
    expected = ours(data)
    assert before_close(read(reader(), cut(data, at))) == expected
    assert expected == oracle(data)


def test_a_whole_message_may_be_empty() -> None:
    assert read(reader(), [frame(1) + frame(2) + frame(1, fin=False) + frame(0)]) == ["", b"", ""]


@pytest.mark.parametrize("fin", [True, False])
def test_a_message_that_is_too_large_is_refused_by_its_head(fin: bool) -> None:
    assert read(reader(10), [frame(2, bytes(10))]) == [bytes(10)]
    assert read(reader(10), [frame(2, bytes(11), fin=fin)[:6]]) == [("refused", 1009)]
    assert read(reader(10), [frame(2, bytes(6), fin=False), frame(0, bytes(5), fin=fin)[:6]]) == [("refused", 1009)]


def test_a_text_is_refused_at_its_first_wrong_byte() -> None:
    wrong = frame(1, b"a" * 100 + b"\xff" + b"a" * 100)
    assert read(reader(), [wrong[: 8 + 100]]) == []
    assert read(reader(), [wrong[: 8 + 101]]) == [("refused", 1007)]


def test_what_was_not_asked_for_waits() -> None:
    patient = reader()
    patient.receive_data(frame(1, b"a") + frame(1, b"b"))
    assert patient.next_event() == "a"
    patient.receive_data(frame(1, b"c"))
    assert [patient.next_event(), patient.next_event(), patient.next_event()] == ["b", "c", None]


def test_a_server_masks_nothing() -> None:
    client = MessageReader(masked=False, most=MOST)
    assert read(client, [frame(1, b"a", key=None), frame(2, bytes(200), key=None)]) == ["a", bytes(200)]
    assert read(client, [frame(1, b"a")]) == [("refused", 1002)]
