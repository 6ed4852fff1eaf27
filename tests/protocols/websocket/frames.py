"""Frames, right and wrong ones, as bytes; and what a reader makes of them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from netforge.protocols.websocket._masks import masked
from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket.errors import Violation
from netforge.protocols.websocket.events import Event

__all__ = ["KEY", "conversations", "cut", "frame", "read", "streams"]

KEY = b"\x11\x22\x33\x44"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, key: bytes | None = KEY) -> bytes:
    """A frame, masked unless there is no key."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65_536:
        length = b"\x7e" + size.to_bytes(2)
    else:
        length = b"\x7f" + size.to_bytes(8)
    head = bytes([fin << 7 | rsv << 4 | opcode, length[0] | (0x80 if key else 0)]) + length[1:]
    return head + (key + masked(payload, key) if key else payload)


keys = st.binary(min_size=4, max_size=4)
payloads = st.one_of(
    st.text(max_size=20).map(str.encode),
    st.binary(max_size=20),
    st.binary(min_size=120, max_size=130),
    st.integers(65_530, 65_540).map(bytes),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Frames of messages that are right but for their UTF-8, with signs between them, and maybe a Close at the end."""
    frames: list[bytes] = []
    for _ in range(draw(st.integers(0, 5))):
        text = draw(st.booleans())
        pieces = draw(st.lists(payloads, min_size=1, max_size=4))
        for number, piece in enumerate(pieces):
            opcode = (1 if text else 2) if number == 0 else 0
            frames.append(frame(opcode, piece, fin=number == len(pieces) - 1, key=draw(keys)))
            if draw(st.booleans()):
                frames.append(frame(draw(st.sampled_from([9, 10])), draw(st.binary(max_size=125)), key=draw(keys)))
    if draw(st.booleans()):
        code = draw(st.integers(0, 5100)).to_bytes(2)
        frames.append(frame(8, draw(st.sampled_from([b"", b"x", code, code + "ä".encode(), code + b"\xff"]))))
    return frames


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Bytes that are mostly frames, and mostly wrong somewhere."""
    pieces = draw(conversations())
    for _ in range(draw(st.integers(0, 2))):
        wrong = draw(
            st.one_of(
                st.binary(max_size=20),
                st.builds(
                    frame,
                    st.integers(0, 15),
                    st.binary(max_size=200),
                    fin=st.booleans(),
                    rsv=st.integers(0, 7),
                    key=st.one_of(st.none(), keys),
                ),
            )
        )
        pieces.insert(draw(st.integers(0, len(pieces))), wrong)
    return b"".join(pieces)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """Data in pieces."""
    places = [0, *sorted({place % (len(data) + 1) for place in at}), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def read(reader: MessageReader, chunks: list[bytes]) -> list[Event | tuple[str, int]]:
    """What a reader makes of data, and the code that it refuses the rest with."""
    found: list[Event | tuple[str, int]] = []
    for chunk in chunks:
        reader.receive_data(chunk)
        try:
            while (event := reader.next_event()) is not None:
                found.append(event)
        except Violation as violation:
            return [*found, ("refused", int(violation.code))]
    return found
