"""Responses to bytes: whatever an application says, the client can tell where it ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._writer import ResponseWriter
from netforge.protocols.http.events import Request

DATE = b"Thu, 01 Jan 2026 00:00:00 GMT"


def writer(method: str = "GET", version: str = "1.1", *, keep_alive: bool = True) -> ResponseWriter:
    return ResponseWriter(Request(method, "/", "", [], version, keep_alive))


def respond(one: ResponseWriter, status: int = 200, fields: Any = (), body: bytes = b"hello") -> bytes:
    return one.respond(status, fields, body, DATE)


def test_a_whole_response() -> None:
    one = writer()
    assert respond(one, fields=[(b"X-A", b"b")]) == (
        b"HTTP/1.1 200 OK\r\nX-A: b\r\ncontent-length: 5\r\ndate: " + DATE + b"\r\n\r\nhello"
    )
    assert one.complete
    assert not one.close


def test_a_response_in_pieces_is_chunked() -> None:
    one = writer()
    assert one.begin(200, [], DATE) == (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ndate: " + DATE + b"\r\n\r\n")
    assert one.data(b"0123456789abcdef") == b"10\r\n0123456789abcdef\r\n"
    assert one.data(b"") == b""
    assert one.end([(b"x-sum", b"7")]) == b"0\r\nx-sum: 7\r\n\r\n"
    assert one.complete


def test_a_response_in_pieces_of_known_length_is_not() -> None:
    one = writer()
    assert b"content-length: 5\r\n" in one.begin(200, [(b"content-length", b"5")], DATE)
    assert one.data(b"hel") + one.data(b"lo") + one.end() == b"hello"


@pytest.mark.parametrize(
    ("keep_alive", "connection", "close"),
    [(False, b"connection: close\r\n", True), (True, b"connection: keep-alive\r\n", False)],
)
def test_to_http_1_0(keep_alive: bool, connection: bytes, close: bool) -> None:
    one = writer(version="1.0", keep_alive=keep_alive)
    assert connection in respond(one)
    assert one.close is close


def test_to_http_1_0_in_pieces_the_end_of_the_connection_is_the_end() -> None:
    one = writer(version="1.0", keep_alive=True)
    assert b"connection: close\r\n" in one.begin(200, [], DATE)
    assert one.data(b"hello") + one.end() == b"hello"
    assert one.close
    assert writer(version="1.0").inform(103) == b""


def test_the_connection_can_be_closed_by_either_side() -> None:
    for one, fields in ((writer(keep_alive=False), []), (writer(), [(b"Connection", b"Close")])):
        assert respond(one, fields=fields).lower().count(b"connection: close\r\n") == 1
        assert one.close


def test_head_is_answered_as_get_without_the_body() -> None:
    whole, pieces = writer("HEAD"), writer("HEAD")
    assert respond(whole).endswith(b"content-length: 5\r\ndate: " + DATE + b"\r\n\r\n")
    assert pieces.begin(200, [(b"content-length", b"5")], DATE).endswith(b"\r\n\r\n")
    assert pieces.data(b"hello") + pieces.end() == b""


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    for body in (b"", b"hello"):
        said = respond(writer(), status, [(b"etag", b'"1"')], body)
        assert said.endswith(b"\r\n\r\n")
        assert b"content-length" not in said
    one = writer()
    assert b"transfer-encoding" not in one.begin(status, [], DATE)
    assert one.data(b"hello") + one.end() == b""


def test_no_content_has_no_length_and_not_modified_may_have_one() -> None:
    length = [(b"Content-Length", b"5")]
    assert b"length" not in respond(writer(), 204, length, b"").lower()
    assert b"Content-Length: 5\r\n" in respond(writer(), 304, length, b"")


def test_a_status_that_is_not_registered_has_no_phrase() -> None:
    assert respond(writer(), 599).startswith(b"HTTP/1.1 599 \r\n")


def test_interim_responses_come_first() -> None:
    one = writer()
    assert one.inform(103, [(b"link", b"</a.css>")]) == b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
    assert respond(one).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(LocalProtocolError):
        one.inform(103)


def test_switching_is_the_last_word() -> None:
    one = writer()
    assert one.switch([(b"upgrade", b"echo")]) == b"HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n\r\n"
    assert one.complete
    with pytest.raises(LocalProtocolError):
        respond(one)


@pytest.mark.parametrize(
    "fields",
    [
        [(b"x", b"a\r\nb: c")],
        [(b"x", b"a\nb")],
        [(b"x", b"a\rb")],
        [(b"x", b"a\0b")],
        [(b"x y", b"a")],
        [(b"x:", b"a")],
        [(b"", b"a")],
        [(b"x\r\n", b"a")],
        [(b"transfer-encoding", b"chunked")],
        [(b"content-length", b"5"), (b"Content-Length", b"5")],
        [(b"content-length", b"five")],
        [(b"content-length", b"-5")],
        [(b"content-length", b"")],
        [(b"content-length", b"6")],
    ],
)
def test_what_cannot_be_said_changes_nothing(fields: Any) -> None:
    one = writer()
    with pytest.raises(LocalProtocolError):
        respond(one, fields=fields)
    assert not one.started
    assert respond(one, 500, [], b"").startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("fields", [[(b"x", b"a\nb")], [(b"x y", b"a")]])
def test_neither_interim_responses_nor_trailers_nor_a_switch_break_lines(fields: Any) -> None:
    with pytest.raises(LocalProtocolError):
        writer().inform(103, fields)
    with pytest.raises(LocalProtocolError):
        writer().switch(fields)
    one = writer()
    one.begin(200, [], DATE)
    with pytest.raises(LocalProtocolError):
        one.end(fields)


@pytest.mark.parametrize("status", [99, 100, 101, 199, 1000])
def test_only_a_final_status_is_a_response(status: int) -> None:
    with pytest.raises(LocalProtocolError):
        respond(writer(), status)


def test_a_body_is_as_long_as_was_promised() -> None:
    one = writer()
    one.begin(200, [(b"content-length", b"5")], DATE)
    with pytest.raises(LocalProtocolError, match="more bytes"):
        one.data(b"hello!")
    assert one.data(b"hell") == b"hell"
    with pytest.raises(LocalProtocolError, match="promises: 1"):
        one.end()
    assert not one.complete


def test_everything_has_its_time() -> None:
    one = writer()
    for early in (lambda: one.data(b"a"), one.end):
        with pytest.raises(LocalProtocolError):
            early()
    one.begin(200, [], DATE)
    with pytest.raises(LocalProtocolError):
        one.begin(200, [], DATE)
    one.end()
    for late in (lambda: one.data(b"a"), one.end, lambda: respond(one), lambda: one.switch([])):
        with pytest.raises(LocalProtocolError):
            late()


names = st.one_of(st.sampled_from([b"content-length", b"connection", b"date", b"x"]), st.binary(max_size=6))


@given(
    fields=st.lists(st.tuples(names, st.binary(max_size=8)), max_size=4),
    status=st.integers(200, 599),
    body=st.binary(max_size=20),
    version=st.sampled_from(["1.0", "1.1"]),
)
def test_whatever_is_said_is_one_response(
    fields: list[tuple[bytes, bytes]], status: int, body: bytes, version: str
) -> None:
    one = writer(version=version)
    try:
        said = respond(one, status, fields, body)
    except LocalProtocolError:
        return
    head, _, rest = said.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 %d " % status)
    assert all(b"\n" not in line and b"\r" not in line and b"\0" not in line for line in lines)
    lengths = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")]
    assert rest == (b"" if status in (204, 304) else body)
    assert status in (204, 304) or lengths == [len(body)]
