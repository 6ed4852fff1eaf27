"""Requests from bytes: what is read, and what is refused because it could be read in two ways."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.http._reader import RequestReader
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.events import Data, End, Event, Headers, Request

HOST = b"Host: example.org\r\n"


def read(data: bytes, reader: RequestReader | None = None) -> list[Event]:
    return (reader or RequestReader()).receive_data(data)


def head(data: bytes) -> Request:
    request = read(data)[0]
    assert isinstance(request, Request)
    return request


def refused(data: bytes) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(data)
    status = f"HTTP/1.1 {caught.value.status.value} ".encode()
    assert caught.value.reply.startswith(status)
    assert b"connection: close\r\n" in caught.value.reply
    return caught.value


def test_a_request_without_a_body() -> None:
    [request] = read(b"GET /a?b=c HTTP/1.1\r\n" + HOST + b"X-Thing:  two words \t\r\n\r\n")
    assert request == Request(
        "GET",
        "/a?b=c",
        "example.org",
        [(b"host", b"example.org"), (b"x-thing", b"two words")],
        "1.1",
    )


def test_a_body_by_its_length() -> None:
    request, data, end = read(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello")
    assert isinstance(request, Request)
    assert request.has_body
    assert (data, end) == (Data(b"hello"), End())


def test_a_body_in_chunks_with_extensions_and_trailers() -> None:
    request, *pieces = read(
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b'Transfer-Encoding: Chunked\r\n\r\n5;a="b"\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7 \r\n\r\n'
    )
    assert isinstance(request, Request)
    assert request.has_body
    assert pieces == [Data(b"hello"), Data(b" world"), End([(b"x-sum", b"7")])]
    assert all(name != b"x-sum" for name, _ in request.headers)


def test_pipelined_requests_are_read_one_after_the_other() -> None:
    data = b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\n" + b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n"
    targets = [event.target for event in read(data) if isinstance(event, Request)]
    assert targets == ["/1", "/2"]


@pytest.mark.parametrize(
    ("version", "field", "stays"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_whether_the_connection_stays(version: bytes, field: bytes, stays: bool) -> None:
    reader = RequestReader()
    [request] = read(b"GET / HTTP/" + version + b"\r\n" + HOST + field + b"\r\n", reader)
    assert isinstance(request, Request)
    assert request.keep_alive is stays
    assert bool(read(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", reader)) is stays


def test_what_follows_the_last_request_in_the_same_read_is_ignored() -> None:
    events = read(b"GET / HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n" + b"rubbish\r\n")
    assert [type(event) for event in events] == [Request]


@pytest.mark.parametrize(
    ("start", "authority"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.example:8080\r\n", "a.example:8080"),
        (b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n", "[2001:db8::1]:80"),
        (b"GET / HTTP/1.1\r\nHost:\r\n", ""),
        (b"GET / HTTP/1.0\r\n", ""),
        (b"GET http://b.example/x HTTP/1.1\r\nHost: a.example\r\n", "b.example"),
        (b"GET HTTPS://b.example?x HTTP/1.1\r\nHost: a.example\r\n", "b.example"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a.example\r\n", "a.example"),
        (b"CONNECT c.example:443 HTTP/1.1\r\nHost: a.example\r\n", "c.example:443"),
    ],
)
def test_whom_a_request_is_for(start: bytes, authority: str) -> None:
    assert head(start + b"\r\n").authority == authority


@pytest.mark.parametrize(
    ("data", "status"),
    [
        # The body's length in two ways.
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\nabc", 400),
        (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        # Lines that end in two ways.
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        # Characters that end a string elsewhere.
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        # Chunks.
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcX0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
        # Hosts and targets.
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        (b"GET http://user@a/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET ftp://a/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"CONNECT / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"CONNECT a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        # Versions, methods and expectations.
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 400),
        (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
        (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Expect: a-miracle\r\n\r\n", 417),
    ],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    assert refused(data).status == status


def test_what_came_before_a_bad_request_is_kept() -> None:
    reader = RequestReader()
    with pytest.raises(BadRequest):
        read(b"GET /good HTTP/1.1\r\n" + HOST + b"\r\nrubbish", reader)
    [request] = reader.salvaged()
    assert isinstance(request, Request)
    assert request.target == "/good"


@pytest.mark.parametrize("size", [1, 100, 8192])
def test_a_head_is_no_larger_than_allowed(size: int) -> None:
    """Neither whole nor in pieces, and whatever it is that is large."""
    much = b"a" * 10_000
    for data in (
        b"GET /" + much,
        b"GET /" + much[:600] + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nX: " + much,
        b"GET / HTTP/1.1\r\n" + much,
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 100,
        b"\r\n" * 10_000,
    ):
        reader = RequestReader(max_head=500)
        with pytest.raises(BadRequest, match="has more than 500 bytes") as caught:
            for start in range(0, len(data), size):
                reader.receive_data(data[start : start + size])
        assert caught.value.status == 431


def test_a_head_and_trailers_have_no_more_fields_than_allowed() -> None:
    fields = b"X: a\r\n" * 9
    start = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n"
    reader = RequestReader(max_fields=10)
    with pytest.raises(BadRequest, match="the head has more than 10 fields"):
        reader.receive_data(start + fields + b"\r\n")
    reader = RequestReader(max_fields=10)
    reader.receive_data(start + b"\r\n0\r\n")
    with pytest.raises(BadRequest, match="the trailer section has more than 10 fields"):
        reader.receive_data(fields + b"X: a\r\nX: a\r\n\r\n")


def test_trailers_are_no_larger_than_allowed() -> None:
    reader = RequestReader(max_head=500)
    reader.receive_data(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    with pytest.raises(BadRequest, match="the trailer section"):
        reader.receive_data(b"X: " + b"a" * 600 + b"\r\n\r\n")


def test_a_field_of_a_trailer_that_never_ends_is_refused() -> None:
    reader = RequestReader(max_head=500)
    reader.receive_data(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ")
    with pytest.raises(BadRequest, match="between the data"):
        for _ in range(1000):
            reader.receive_data(b"a" * 10)


def test_after_an_offer_to_switch_everything_waits() -> None:
    reader = RequestReader()
    offer = b"GET /a HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    [request] = read(offer + b"GET /b", reader)
    assert isinstance(request, Request)
    assert request.upgrade == "websocket"
    assert read(b" HTTP/1.1\r\n" + HOST + b"\r\n", reader) == []
    kept = reader.switch()
    assert kept == b"GET /b HTTP/1.1\r\n" + HOST + b"\r\n"
    [request] = reader.stay(kept)
    assert isinstance(request, Request)
    assert request.target == "/b"


def test_http_1_0_switches_to_nothing() -> None:
    offer = HOST + b"Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n\r\n"
    reader = RequestReader()
    first, second = read(b"GET /a HTTP/1.0\r\n" + offer + b"GET /b HTTP/1.0\r\n" + offer, reader)
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert (first.target, first.upgrade, second.target) == ("/a", "", "/b")
    [third] = read(b"GET /c HTTP/1.0\r\n" + HOST + b"\r\n", reader)
    assert isinstance(third, Request)
    assert third.target == "/c"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("at", [0, 1, 30])
def test_a_body_is_no_request_whatever_is_offered(version: bytes, chunked: bool, at: int) -> None:
    evil = b"GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"
    if chunked and version == b"1.0":
        return
    framing = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nX-A: b\r\n\r\n" % (len(evil), evil)
    if not chunked:
        framing = b"Content-Length: %d\r\n\r\n%b" % (len(evil), evil)
    offer = HOST + b"Connection: upgrade, keep-alive\r\nUpgrade: x\r\n" + framing
    data = b"POST /a HTTP/" + version + b"\r\n" + offer + b"GET /b HTTP/1.1\r\n" + HOST + b"\r\n"
    reader = RequestReader()
    place = data.index(b"GET /evil") + at
    first, body, end, second = joined(read(data[:place], reader) + read(data[place:], reader))
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert (first.target, first.upgrade, second.target) == ("/a", "", "/b")
    assert (body, end) == (Data(evil), End([(b"x-a", b"b")] if chunked else []))
    assert reader.in_head is False


def test_a_tunnel_has_no_body() -> None:
    refused(b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\nx")


def test_continue_is_expected_of_http_1_1_alone() -> None:
    fields = HOST + b"Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n"
    assert head(b"POST / HTTP/1.1\r\n" + fields).expects
    assert not head(b"POST / HTTP/1.0\r\n" + fields).expects


def joined(events: list[Event]) -> list[Event]:
    """With data that is adjacent in one piece."""
    whole: list[Event] = []
    for event in events:
        if isinstance(event, Data) and whole and isinstance(whole[-1], Data):
            whole[-1] = Data(whole[-1].data + event.data)
        else:
            whole.append(event)
    return whole


names = st.sampled_from([b"X-A", b"Accept", b"Cookie", b"X-Long"])
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(str.encode)
bodies = st.one_of(st.none(), st.tuples(st.booleans(), st.lists(st.binary(min_size=1, max_size=40), max_size=4)))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS"]))
    fields: Headers = draw(st.lists(st.tuples(names, values), max_size=5))
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    start = method + b" /" + draw(st.sampled_from([b"", b"a/b", b"?q=1"])) + b" HTTP/1.1\r\n" + HOST + lines
    body = draw(bodies)
    if body is None:
        return start + b"\r\n"
    chunked, pieces = body
    if not chunked:
        return start + b"Content-Length: %d\r\n\r\n" % sum(map(len, pieces)) + b"".join(pieces)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return start + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@given(data=st.lists(requests(), min_size=1, max_size=3).map(b"".join), cuts=st.sets(st.integers(0, 500)))
def test_however_it_is_cut_it_is_the_same(data: bytes, cuts: set[int]) -> None:
    whole = joined(read(data))
    reader = RequestReader()
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [event for begin, end in pairwise(places) for event in read(data[begin:end], reader)]
    assert joined(pieces) == whole
    assert sum(isinstance(event, End) for event in whole) == sum(
        isinstance(event, Request) and event.has_body for event in whole
    )


@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n" + HOST]))
def test_whatever_comes_is_read_or_refused(data: bytes, start: bytes) -> None:
    try:
        events = read(start + data)
    except BadRequest as error:
        assert 400 <= error.status <= 505
    else:
        assert all(isinstance(event, Request | Data | End) for event in events)
