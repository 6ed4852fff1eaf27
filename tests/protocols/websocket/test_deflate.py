from __future__ import annotations

import tracemalloc
import zlib
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol

from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket._writer import MessageWriter
from netforge.protocols.websocket.extensions.deflate import (
    MOST_ENDS,
    Agreement,
    Deflater,
    Inflater,
    agree,
    confirm,
    offer,
)
from netforge.protocols.websocket.extensions.parameters import extensions_of, tokens_of
from tests.protocols.websocket.frames import cut, frame, read

MIB = 1024 * 1024
BOMB = zlib.compress(bytes(16 * MIB), 1, -15)

messages = st.lists(st.one_of(st.text(), st.text().map(lambda text: text * 50), st.binary(max_size=100)), max_size=8)


def reader(most: int = MIB) -> MessageReader:
    return MessageReader(masked=True, most=most, inflater=Inflater(15, False))


def deflated(data: bytes, how: int = zlib.Z_SYNC_FLUSH) -> bytes:
    core = zlib.compressobj(wbits=-15)
    return core.compress(data) + core.flush(how)


@settings(max_examples=30)
@given(messages, st.lists(st.integers(0, 10_000), max_size=5), st.sampled_from([9, 12, 15]), st.booleans())
def test_what_is_deflated_is_inflated(said: list[str | bytes], at: list[int], bits: int, forgets: bool) -> None:
    agreement = Agreement(bits, 15, server_forgets=forgets, client_forgets=False)
    inflater, _ = agreement.ends(client=True)
    _, deflater = agreement.ends(client=False)
    data = b"".join(map(MessageWriter(None, deflater).message, said))
    assert read(MessageReader(masked=False, most=100_000, inflater=inflater), cut(data, at)) == said


@settings(max_examples=30)
@given(messages, st.booleans())
def test_wsproto_inflates_what_we_deflate_and_the_other_way_round(said: list[str | bytes], forgets: bool) -> None:
    extension = PerMessageDeflate(server_no_context_takeover=forgets, client_no_context_takeover=forgets)
    extension.finalize("permessage-deflate; server_max_window_bits=12; client_max_window_bits=12")
    theirs = FrameProtocol(client=True, extensions=[extension])
    inflater, deflater = Agreement(12, 12, server_forgets=forgets, client_forgets=forgets).ends(client=False)
    writer = MessageWriter(None, deflater)
    for one in said:
        theirs.receive_bytes(writer.message(one))
    assert [got.payload for got in theirs.received_frames()] == said
    ours = MessageReader(masked=True, most=100_000, inflater=inflater)
    assert read(ours, [bytes(theirs.send_data(one)) for one in said]) == said


def test_only_compressed_messages_are_inflated() -> None:
    data = deflated(b"hello")[:-4]
    assert read(reader(), [frame(1, data, rsv=4), frame(1, b"plain"), frame(1, data[:2], fin=False, rsv=4)]) == [
        "hello",
        "plain",
    ]
    assert read(reader(), [frame(1, data[:2], fin=False, rsv=4), frame(0, data[2:])]) == ["hello"]
    assert read(reader(), [frame(1, data[:2], fin=False, rsv=4), frame(0, data[2:], rsv=4)]) == [("refused", 1002)]
    assert read(reader(), [frame(9, data, rsv=4)]) == [("refused", 1002)]


@pytest.mark.parametrize("size", [100, 20_000, len(BOMB)])
def test_a_bomb_fills_no_memory(size: int) -> None:
    data = frame(2, BOMB, rsv=4)
    tracemalloc.start()
    try:
        found = read(reader(), [data[start : start + size] for start in range(0, len(data), size)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [("refused", 1009)]
    assert peak < 4 * MIB


def test_many_bombs_at_once_wait_as_they_came() -> None:
    many = reader(16 * MIB)
    many.receive_data(frame(2, BOMB + b"\x00", rsv=4) * 20)
    tracemalloc.start()
    try:
        message = many.next_event()
        assert isinstance(message, bytes)
        assert len(message) == 16 * MIB
        del message
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < MIB


def test_what_no_compressor_makes_is_refused() -> None:
    assert read(reader(), [frame(2, b"\xff\xff\xff", rsv=4)]) == [("refused", 1007)]
    assert read(reader(), [frame(1, deflated(b"\xff" * 20)[:-4], rsv=4)]) == [("refused", 1007)]


def test_a_message_may_be_as_large_as_is_allowed_and_no_larger() -> None:
    assert read(reader(1000), [frame(2, deflated(bytes(1000))[:-4], rsv=4)]) == [bytes(1000)]
    assert read(reader(1000), [frame(2, deflated(bytes(1001))[:-4], rsv=4)]) == [("refused", 1009)]
    assert read(reader(0), [frame(2, b"\x00", rsv=4)]) == [b""]


def test_a_compressor_may_end_and_begin_again() -> None:
    # RFC 7692, section 7.2.3.4.
    hello = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
    assert read(reader(), [frame(1, hello, rsv=4) * 2 * MOST_ENDS]) == ["Hello"] * 2 * MOST_ENDS
    assert read(reader(), [frame(1, hello[:-1] * 3 + b"\x00", rsv=4)]) == ["Hello" * 3]
    assert read(reader(4), [frame(1, hello, rsv=4)]) == [("refused", 1009)]
    twice = deflated(bytes(900), zlib.Z_FINISH) * 2
    assert len(Inflater(15, False).inflate(twice, 1000)) == 1001
    assert read(reader(), [frame(1, b"\x03\x00" * (MOST_ENDS + 1) + b"\x00", rsv=4)]) == [("refused", 1007)]


def test_what_is_short_is_not_compressed() -> None:
    writer = MessageWriter(None, Deflater(15, False))
    assert writer.message("a" * 15) == frame(1, b"a" * 15, key=None)
    assert writer.message("a" * 16)[0] == 0xC1


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=12"),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
        (
            'permessage-deflate; client_max_window_bits="8"; server_max_window_bits=9',
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8",
        ),
        (
            "permessage-deflate;server_no_context_takeover ; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
        ),
        ("permessage-deflate; server_max_window_bits=8", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits=010", None),
        ("permessage-deflate; client_max_window_bits=7", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; unknown", None),
    ],
)
def test_a_server_takes_what_it_can(offered: str, answer: str | None) -> None:
    [(_, parameters)] = extensions_of(offered)
    agreed = agree(parameters)
    assert (agreed and agreed[1]) == answer


def test_a_client_understands_every_answer_to_its_offer() -> None:
    [(_, offered)] = extensions_of(offer())
    agreed = agree(offered)
    assert agreed is not None
    [(_, answered)] = extensions_of(agreed[1])
    assert confirm(answered) == agreed[0]
    assert confirm({}) == Agreement(15, 12, server_forgets=False, client_forgets=False)
    assert confirm({"client_max_window_bits": "13"}) == Agreement(15, 12, server_forgets=False, client_forgets=False)


@pytest.mark.parametrize(
    "answered",
    [
        "client_max_window_bits",
        "client_max_window_bits=8",
        "server_no_context_takeover=1",
        "unknown",
    ],
)
def test_a_client_takes_nothing_else(answered: str) -> None:
    [(_, parameters)] = extensions_of(f"permessage-deflate; {answered}")
    assert confirm(parameters) is None


def test_lists_are_read_with_whatever_spaces() -> None:
    for space, comma in product(["", " ", "\t "], [",", ",,", " , ,"]):
        value = f"{space}a{space};{space}b{space}={space}1{space};c{comma}d{space}"
        assert extensions_of(value) == [("a", {"b": "1", "c": None}), ("d", {})]
    assert tokens_of(" a ,b,, c") == ["a", "b", "c"]


@pytest.mark.parametrize("value", ["a b", "a;", "a;b=", 'a;b="', "a;b;b", "a;=1", "ä"])
def test_what_is_no_list_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"token|twice"):
        extensions_of(value)
