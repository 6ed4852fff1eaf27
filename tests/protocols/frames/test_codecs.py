from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import msgpack  # type: ignore[import-untyped]  # it has no types
import pytest
from google.protobuf.descriptor_pb2 import UninterpretedOption
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames import JSON, XML, Lines, MessagePack, Protobuf, Raw, Text

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refuses(codec: Any, payload: bytes, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=reason):
        codec.decode(payload)


def cannot_express(codec: Any, message: Any, reason: str = "") -> None:
    with pytest.raises(LocalProtocolError, match=reason):
        codec.encode(message)


# Bytes and text


@given(st.binary())
def test_raw(payload: bytes) -> None:
    assert Raw().decode(payload) == Raw().encode(payload) == payload


@given(st.text(st.characters(codec="utf-8")))
def test_text(message: str) -> None:
    assert Text().encode(message) == message.encode()
    for encoding in ("utf-8", "utf-16-be", "utf-32"):
        assert Text(encoding).decode(Text(encoding).encode(message)) == message


def test_text_that_is_not_in_the_encoding() -> None:
    refuses(Text(), b"\xff", "not utf-8: .* 0xff in position 0")
    refuses(Text("ascii"), "é".encode(), "not ascii")
    cannot_express(Text(), "\ud800", "utf-8")
    cannot_express(Text("latin-1"), "€", "latin-1: '€'")
    for unknown in ("klingon", "rot13"):
        with pytest.raises(LookupError, match=unknown):
            Text(unknown)


# JSON


class Order(BaseModel):
    """A message with a name that is not Python's."""

    number: int
    kind: str = Field(default="plain", alias="type")
    when: datetime | None = None
    price: float = 0


@given(JSON_VALUES)
def test_json(message: Any) -> None:
    payload = JSON().encode(message)
    assert b"\n" not in payload
    assert b"\r" not in payload
    assert JSON().decode(payload) == message == json.loads(payload)
    assert Lines(max_size=len(payload)).encode(payload)


def test_json_is_compact_utf_8() -> None:
    assert JSON().encode({"é": [1, 2.5, None, True]}) == '{"é":[1,2.5,null,true]}'.encode()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"1 2", "Extra data"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e999", "1e999 is beyond the range of a double"),
        (b'{"a":1,"b":2,"a":3}', "a name occurs twice"),
        (b'"\xff"', "utf-8"),
        (b"\xef\xbb\xbf1", "Expecting value"),
        ("1".encode("utf-16"), "utf-8"),
        (b'"\xed\xa0\x80"', "utf-8"),
        (b'"\\ud800"', "surrogates"),
        (b'"\\uDc00"', "surrogates"),
        (b'{"\\ud800":1}', "surrogates"),
        (b"1" * 5000, "digits"),
        (b"[" * 100_000, "recursion"),
        (b'{"a":' * 100_000, "recursion"),
        (b'"a\nb"', "control character"),
    ],
)
def test_json_that_is_none_or_means_different_things_to_different_readers(payload: bytes, reason: str) -> None:
    refuses(JSON(), payload, reason)


def test_json_may_escape_what_lies_beyond_16_bits() -> None:
    assert JSON().decode(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_what_json_cannot_express() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    circular: list[Any] = []
    circular.append(circular)
    for message in (float("nan"), [float("inf")], "\ud800", object(), {(1,): 2}, 10**5000, deep, circular):
        cannot_express(JSON(), message, "cannot be expressed in JSON")


def test_json_with_a_model() -> None:
    codec = JSON(Order)
    order = Order(number=1, type="x", when=datetime(2026, 1, 2, tzinfo=UTC))
    payload = codec.encode(order)
    assert payload == b'{"number":1,"type":"x","when":"2026-01-02T00:00:00Z","price":0.0}'
    assert codec.decode(payload) == order


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"type":"x"}', "not the JSON expected: number: Field required$"),
        (b'{"number":"x","when":5.5e400}', "beyond the range"),
        (b'{"number":"x","type":5}', "number: Input should be a valid integer.*; type: Input should be a valid string"),
        (b'{"number":1,"number":2}', "a name occurs twice"),
        (b'{"number":1,"price":NaN}', "NaN"),
        (b"3", "not the JSON expected: Input should be"),
        (b"{", "not JSON"),
    ],
)
def test_json_that_does_not_fit_the_model(payload: bytes, reason: str) -> None:
    refuses(JSON(Order), payload, reason)


def test_what_the_model_cannot_express() -> None:
    for message in (3, Order.model_construct(number="x"), Order(number=1, price=float("nan"))):
        cannot_express(JSON(Order), message, "cannot be expressed in JSON")


def test_json_with_a_union() -> None:
    codec: JSON[int | Order] = JSON(int | Order)
    assert codec.decode(b"5") == 5
    assert codec.decode(b'{"number":5}') == Order(number=5)


# MessagePack


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(min_value=-(2**63), max_value=2**64 - 1)
        | st.floats(allow_nan=False)
        | st.text(st.characters(codec="utf-8"))
        | st.binary()
        | st.datetimes(timezones=st.just(UTC)),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")) | st.binary(), inner),
    )
)
def test_messagepack(message: Any) -> None:
    assert MessagePack().decode(MessagePack().encode(message)) == message


def test_messagepack_times_of_other_zones_come_back_in_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    back = MessagePack().decode(MessagePack().encode(noon))
    assert back == noon
    assert back.tzinfo is UTC


def test_messagepack_extensions_are_left_to_the_reader() -> None:
    extension = msgpack.ExtType(5, b"abc")
    assert MessagePack().decode(MessagePack().encode(extension)) == extension


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "incomplete"),
        (b"\xc1", "FormatError"),
        (b"\x01\x02", "extra data"),
        (b"\x92\x01", "incomplete"),
        (b"\xdd\xff\xff\xff\xff", "exceeds max_array_len"),
        (b"\xdf\xff\xff\xff\xff", "exceeds max_map_len"),
        (b"\xdb\xff\xff\xff\xff", "incomplete"),
        (b"\xc6\xff\xff\xff\xff", "incomplete"),
        (b"\xc9\xff\xff\xff\xff\x01", "exceeds max_ext_len"),
        (b"\x91" * 100_000, "StackError"),
        (b"\x81\x91\x01\x01", "map key"),
        (b"\x81\x01\x01", "map key"),
        (b"\xa2\xff\xff", "utf-8"),
        (b"\xc7\x03\xff\x00\x00\x00", "timestamp"),
        (b"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "too large"),
        (b"\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x01", "nanoseconds"),
    ],
)
def test_what_is_not_messagepack(payload: bytes, reason: str) -> None:
    refuses(MessagePack(), payload, reason)


def test_what_messagepack_cannot_express() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    for message in (object(), 2**64, "\ud800", datetime(2026, 1, 1), deep):
        cannot_express(MessagePack(), message, "cannot be expressed in MessagePack")


# XML

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
CHARACTERS = st.text(st.sampled_from("ab<>&\"'é\U0001f600\t\r\n "))


@st.composite
def elements(draw: st.DrawFn, depth: int = 2) -> Element:
    element = Element(draw(NAMES), draw(st.dictionaries(NAMES, CHARACTERS, max_size=2)))
    element.text = draw(CHARACTERS) or None
    if depth:
        for child in draw(st.lists(elements(depth - 1), max_size=2)):
            child.tail = draw(CHARACTERS) or None
            element.append(child)
    return element


def plain(element: Element) -> object:
    return element.tag, element.attrib, element.text, element.tail, [plain(child) for child in element]


@given(elements())
def test_xml(element: Element) -> None:
    payload = XML().encode(element)
    assert plain(XML().decode(payload)) == plain(element)
    assert Lines(max_size=len(payload)).encode(payload)


LAUGHS = b"".join(b'<!ENTITY l%d "%b">' % (n + 1, b"&l%d;" % n * 10) for n in range(9))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "no element"),
        (b"hello", "syntax error"),
        (b"<a>", "no element"),
        (b"<a></b>", "mismatched tag"),
        (b"<a/><b/>", "junk"),
        (b"<a>\0</a>", "invalid token"),
        (b"<a>\xff</a>", "invalid token"),
        (b"<a>&x;</a>", "undefined entity"),
        (b"<!DOCTYPE a><a/>", "DTDForbidden"),
        (b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>', "DTDForbidden"),
        (b'<!DOCTYPE a [<!ENTITY l0 "ha">' + LAUGHS + b"]><a>&l9;</a>", "DTDForbidden"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "DTDForbidden"),
        (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://192.0.2.1/"> %x;]><a/>', "DTDForbidden"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "unknown encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "multi-byte"),
        (b'<?xml version="1.0" encoding="base64"?><a/>', "not a text encoding"),
    ],
)
def test_xml_that_is_none_or_dangerous(payload: bytes, reason: str) -> None:
    refuses(XML(), payload, reason)


def test_what_xml_cannot_express() -> None:
    deep = inner = Element("a")
    for _ in range(5000):
        inner = SubElement(inner, "a")
    odd = [Element("a b"), Element("a"), Element("a"), Element("a"), Element("a", {"b": "\x01"})]
    odd[1].text = "\x01"
    odd[2].text = "\ud800"
    odd[3].text = 3  # type: ignore[assignment]  # on purpose
    for message in (*odd, deep):
        cannot_express(XML(), message, "cannot be expressed in XML")


def test_xml_of_others() -> None:
    element = XML().decode('<?xml version="1.0" encoding="latin-1"?><a b="é">é</a>'.encode("latin-1"))
    assert tostring(element, encoding="unicode") == '<a b="é">é</a>'


# Protocol Buffers


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1), st.integers(min_value=-(2**31), max_value=2**31 - 1))
def test_protobuf(seconds: int, nanos: int) -> None:
    message = Timestamp(seconds=seconds, nanos=nanos)
    codec = Protobuf(Timestamp)
    assert codec.encode(message) == message.SerializeToString()
    assert codec.decode(codec.encode(message)) == message


def test_protobuf_keeps_unknown_fields() -> None:
    payload = Timestamp(seconds=5, nanos=6).SerializeToString()
    codec = Protobuf(Empty)
    assert codec.encode(codec.decode(payload)) == payload


def test_what_is_not_protobuf() -> None:
    refuses(Protobuf(Timestamp), b"\xff", "not Timestamp: ")
    refuses(Protobuf(UninterpretedOption.NamePart), b"", "a required field is missing")
    deep = b""
    for _ in range(200):
        inner = b"\x32" + _sized(b"\x0a" + _sized(deep))  # a Value that is a ListValue that holds a Value
        deep = inner
    refuses(Protobuf(Struct), b"\x0a" + _sized(b"\x0a\x01a\x12" + _sized(deep)), "not Struct: ")


def _sized(data: bytes) -> bytes:
    size, prefix = len(data), b""
    while size > 127:
        prefix += bytes([size & 127 | 128])
        size >>= 7
    return prefix + bytes([size]) + data


def test_what_protobuf_cannot_express() -> None:
    cannot_express(Protobuf(Timestamp), Empty(), "expected Timestamp, found Empty")
    cannot_express(Protobuf(Timestamp), None, "expected Timestamp, found NoneType")
    cannot_express(Protobuf(UninterpretedOption.NamePart), UninterpretedOption.NamePart(), "required")


# Libraries


@pytest.mark.parametrize(
    ("missing", "make"),
    [
        ("msgpack", MessagePack),
        ("defusedxml.ElementTree", XML),
        ("google.protobuf.message", lambda: Protobuf(Timestamp)),
        ("pydantic", lambda: JSON(int)),
    ],
)
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, missing: str, make: Any) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    library = missing.partition(".")[0]
    with pytest.raises(ImportError, match=rf"needs {library}: pip install 'netforge\[frames\]'"):
        make()
