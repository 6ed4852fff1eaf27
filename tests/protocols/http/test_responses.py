"""Responses from bytes: what is read, and what is refused because it could be read in two ways."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._requests import RequestWriter
from netforge.protocols.http._responses import MOST_INTERIM, ResponseReader
from netforge.protocols.http.errors import BadResponse
from netforge.protocols.http.events import Data, End, Headers, Response, ResponseEvent

OK = b"HTTP/1.1 200 OK\r\n"


def expecting(method: str = "GET", *, offered: bool = False, **limits: int) -> ResponseReader:
    reader = ResponseReader(**limits)
    reader.expect(method, offered=offered)
    return reader


def read(data: bytes, method: str = "GET", *, offered: bool = False) -> list[ResponseEvent]:
    return expecting(method, offered=offered).receive_data(data)


def head(data: bytes, method: str = "GET") -> Response:
    response = read(data, method)[0]
    assert isinstance(response, Response)
    return response


def test_a_body_by_its_length() -> None:
    assert read(OK + b"Content-Length: 5\r\nX-Thing:  two words \t\r\n\r\nhello") == [
        Response(200, [(b"content-length", b"5"), (b"x-thing", b"two words")], has_body=True),
        Data(b"hello"),
        End(),
    ]


def test_a_body_in_chunks_with_trailers() -> None:
    response, *rest = read(OK + b"Transfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 7 \r\n\r\n")
    assert isinstance(response, Response)
    assert response.has_body
    assert rest == [Data(b"hello"), End([(b"x-sum", b"7")])]


def test_a_body_that_ends_with_the_connection() -> None:
    reader = expecting()
    response, data = reader.receive_data(OK + b"\r\nhello")
    assert response == Response(200, [], keep_alive=False, has_body=True)
    assert data == Data(b"hello")
    assert reader.expecting
    assert reader.receive_end() == [End()]
    assert not reader.expecting


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_the_end_of_the_connection_ends_no_other_body(framing: bytes) -> None:
    reader = expecting()
    reader.receive_data(OK + framing + b"\r\n")
    assert reader.receive_end() == []
    assert reader.expecting


@pytest.mark.parametrize("fields", [b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD"), (404, "HEAD")])
def test_some_have_no_body_whatever_they_say(status: int, method: str, fields: bytes) -> None:
    reader = expecting(method)
    response, end = reader.receive_data(b"HTTP/1.1 %d X\r\n" % status + fields + b"\r\n")
    assert isinstance(response, Response)
    assert (response.has_body, response.keep_alive, end) == (False, True, End())
    reader.expect("GET")
    assert len(reader.receive_data(OK + b"Content-Length: 1\r\n\r\na")) == 3


def test_interim_responses_come_before_the_final_one() -> None:
    for method in ("GET", "HEAD"):
        early, final, *_ = read(b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", method)
        assert early == Response(103, [(b"link", b"a")])
        assert isinstance(final, Response)
        assert final.status == 200


def test_interim_responses_are_not_endless() -> None:
    with pytest.raises(BadResponse, match="interim"):
        read(b"HTTP/1.1 100 X\r\n\r\n" * (MOST_INTERIM + 1))


def test_after_a_switch_everything_is_kept() -> None:
    reader = expecting(offered=True)
    agreed = b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    [response] = reader.receive_data(agreed + b"abc")
    assert isinstance(response, Response)
    assert response.status == 101
    assert reader.receive_data(b"def") == []
    assert reader.switch() == b"abcdef"


@pytest.mark.parametrize(
    ("version", "fields", "stays"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: x, Close\r\n", False),
        (b"1.1", b"Connection: x\r\nConnection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whether_the_connection_stays(version: bytes, fields: bytes, stays: bool, method: str) -> None:
    reader = expecting(method)
    response = reader.receive_data(b"HTTP/" + version + b" 200 OK\r\n" + fields + b"Content-Length: 0\r\n\r\n")[0]
    assert isinstance(response, Response)
    assert response.keep_alive is stays
    if not stays:
        assert reader.receive_data(b"whatever comes") == []


@pytest.mark.parametrize("extra", [OK + b"Content-Length: 0\r\n\r\n", b"x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_nobody_asked_for_is_refused_and_what_came_before_is_kept(method: str, extra: bytes) -> None:
    for size in (1, 1000):
        reader = expecting(method)
        data = OK + b"Content-Length: 0\r\n\r\n" + extra
        events = []
        with pytest.raises(BadResponse, match="nobody asked"):
            for start in range(0, len(data), size):
                events += reader.receive_data(data[start : start + size])
        assert len(events + reader.salvaged()) == 2


def test_after_what_nobody_asked_for_nothing_is_taken_for_an_answer() -> None:
    reader = expecting()
    reader.receive_data(OK + b"Content-Length: 0\r\n\r\n")
    with pytest.raises(BadResponse):
        reader.receive_data(OK)


@pytest.mark.parametrize(
    "data",
    [
        # Two lengths.
        OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        OK + b"Content-Length: 3, 3\r\n\r\nabc",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: +3\r\n\r\nabc",
        OK + b"Content-Length: 0x3\r\n\r\nabc",
        OK + b"Content-Length:\r\n\r\nabc",
        OK + b"Content-Length: 99999999999999999999\r\n\r\nabc",
        # Codings.
        OK + b"Transfer-Encoding: gzip\r\n\r\nabc",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        # Lines that end in two ways, or do not end.
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        OK + b"Content-Length: 0\n\r\n",
        OK + b"Content-Length: 0\r\n\n",
        OK + b"X: a\rb\r\n\r\n",
        OK + b"X: a\r\n b\r\n\r\n",
        OK + b"Content-Length : 0\r\n\r\n",
        OK + b" X: a\r\n\r\n",
        # Characters that end a string elsewhere.
        OK + b"X: a\x00b\r\n\r\n",
        OK + b"X\x01: a\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        OK + b": a\r\n\r\n",
        # Chunks.
        OK + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcX0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        # Statuses and versions.
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 2000 X\r\n\r\n",
        b"HTTP/1.1 20 X\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"hello",
        b"GET / HTTP/1.1\r\n\r\n",
        # A switch that nobody offered.
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(BadResponse):
        read(data)
    reader = expecting()
    with pytest.raises(BadResponse):
        for number in range(len(data)):
            reader.receive_data(data[number : number + 1])


def test_a_switch_has_to_name_the_protocol_and_be_no_answer_to_head() -> None:
    with pytest.raises(BadResponse):
        read(b"HTTP/1.1 101 X\r\n\r\n", offered=True)
    with pytest.raises(BadResponse):
        read(b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n", "HEAD", offered=True)


@pytest.mark.parametrize("size", [1, 100, 8192])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_head_is_no_larger_than_allowed(size: int, method: str) -> None:
    much = b"a" * 10_000
    for data in (b"HTTP/1.1 200 " + much, OK + b"X: " + much, OK + much, OK + b"X: a\r\n" * 100, b"\r\n" * 10_000):
        reader = expecting(method, max_head=500)
        with pytest.raises(BadResponse, match="more than 500 bytes"):
            for start in range(0, len(data), size):
                reader.receive_data(data[start : start + size])


def test_a_head_and_trailers_have_no_more_fields_than_allowed() -> None:
    with pytest.raises(BadResponse, match="more than 10 fields"):
        expecting(max_fields=10).receive_data(OK + b"X: a\r\n" * 11 + b"\r\n")
    reader = expecting(max_fields=10)
    reader.receive_data(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    with pytest.raises(BadResponse, match="more than 10 fields"):
        reader.receive_data(b"X: a\r\n" * 11 + b"\r\n")


def joined(events: list[ResponseEvent]) -> list[ResponseEvent]:
    """With data that is adjacent in one piece."""
    whole: list[ResponseEvent] = []
    for event in events:
        if isinstance(event, Data) and whole and isinstance(whole[-1], Data):
            whole[-1] = Data(whole[-1].data + event.data)
        else:
            whole.append(event)
    return whole


names = st.sampled_from([b"X-A", b"Server", b"Set-Cookie", b"Upgrade"])
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(str.encode)
bodies = st.one_of(st.none(), st.tuples(st.booleans(), st.lists(st.binary(min_size=1, max_size=40), max_size=4)))


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from([200, 204, 206, 304, 404, 502, 999]))
    fields: Headers = draw(st.lists(st.tuples(names, values), max_size=5))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n", b"\r\n"]))
    start = interim + b"HTTP/1.1 %d Phrase\r\n" % status + b"".join(b"%b: %b\r\n" % field for field in fields)
    body = draw(bodies)
    if status in (204, 304):
        return start + b"\r\n"
    if body is None:
        return start + b"\r\nuntil the end\r\n\r\n"
    chunked, pieces = body
    if not chunked:
        return start + b"Content-Length: %d\r\n\r\n" % sum(map(len, pieces)) + b"".join(pieces)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return start + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Sum: 7\r\n\r\n"


def outcome(pieces: list[bytes], method: str) -> tuple[list[ResponseEvent], bool]:
    """What is read, and whether it was refused in the end."""
    reader = expecting(method)
    events: list[ResponseEvent] = []
    try:
        for piece in pieces:
            events += reader.receive_data(piece)
    except BadResponse:
        return joined(events + reader.salvaged()), True
    return joined(events), False


def cut(data: bytes, places: set[int]) -> list[bytes]:
    ends = [0, *sorted(place for place in places if place < len(data)), len(data)]
    return [data[begin:end] for begin, end in pairwise(ends)]


@given(data=responses(), places=st.sets(st.integers(0, 500)), method=st.sampled_from(["GET", "HEAD"]))
def test_however_it_is_cut_it_is_the_same(data: bytes, places: set[int], method: str) -> None:
    events, refused = outcome([data], method)
    assert outcome(cut(data, places), method) == (events, refused)
    # To HEAD there is no body: where one comes all the same, it is refused.
    assert method == "HEAD" or not refused
    assert sum(isinstance(event, Response) and event.status >= 200 for event in events) == 1


MALFORMED = st.lists(
    st.sampled_from(
        [
            *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 101 X\r\n", b"HTTP/1.1 100 X\r\n"),
            *(b"HTTP/1.1 304 X\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"X: y\r\n"),
            *(b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: a\r\n", b"\r\n", b"\n", b"\r", b" ", b"\0"),
            *(b"3\r\nabc\r\n", b"0\r\n", b"abc", b":", b"Content-Length: -1\r\n", b"Transfer-Encoding: gzip\r\n"),
        ]
    ),
    max_size=10,
).map(b"".join)


@given(
    data=MALFORMED | st.binary(max_size=100),
    places=st.sets(st.integers(0, 150)),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_whatever_comes_is_read_or_refused_however_it_is_cut(data: bytes, places: set[int], method: str) -> None:
    whole, pieces = outcome([data], method), outcome(cut(data, places), method)
    assert whole == pieces


def test_a_request_is_written_as_it_is_meant() -> None:
    writer = RequestWriter()
    host = [(b"Host", b"a")]
    assert writer.begin("GET", "/a?b", host) == b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"
    assert RequestWriter().begin("POST", "/", host) == b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 0\r\n\r\n"
    assert b"\r\nconnection: upgrade\r\nupgrade: b\r\n" in RequestWriter().begin("GET", "/", host, upgrade="b")
    writer = RequestWriter()
    assert b"\r\ntransfer-encoding: chunked\r\n" in writer.begin("GET", "/", host, None)
    said = writer.data(b"") + writer.data(b"hello") + writer.end([(b"x", b"y")])
    assert said == b"5\r\nhello\r\n0\r\nx: y\r\n\r\n"
    writer = RequestWriter()
    writer.begin("PUT", "/", host, 5)
    assert writer.data(b"hello") + writer.end([(b"x", b"y")]) == b"hello"


@pytest.mark.parametrize(
    ("method", "target", "fields", "length", "upgrade"),
    [
        ("GET /", "/", [(b"host", b"a")], 0, ""),
        ("CONNECT", "a:1", [(b"host", b"a")], 0, ""),
        ("GET", "/ HTTP/1.1\r\n", [(b"host", b"a")], 0, ""),
        ("GET", "/a b", [(b"host", b"a")], 0, ""),
        ("GET", "", [(b"host", b"a")], 0, ""),
        ("GET", "/", [], 0, ""),
        ("GET", "/", [(b"host", b"a"), (b"Host", b"b")], 0, ""),
        ("GET", "/", [(b"host", b"a\r\nx: y")], 0, ""),
        ("GET", "/", [(b"host", b"a"), (b"x:", b"b")], 0, ""),
        ("GET", "/", [(b"host", b"a"), (b"Content-Length", b"5")], 0, ""),
        ("GET", "/", [(b"host", b"a"), (b"transfer-encoding", b"chunked")], 0, ""),
        ("GET", "/", [(b"host", b"a"), (b"connection", b"close")], 0, ""),
        ("POST", "/", [(b"host", b"a")], 5, "websocket"),
        ("GET", "/", [(b"host", b"a")], 0, "a\r\nb: c"),
    ],
)
def test_a_request_that_would_be_read_as_another_is_not_written(
    method: str, target: str, fields: Headers, length: int, upgrade: str
) -> None:
    with pytest.raises(LocalProtocolError):
        RequestWriter().begin(method, target, fields, length, upgrade)


def test_a_body_is_as_long_as_was_promised() -> None:
    writer = RequestWriter()
    writer.begin("PUT", "/", [(b"host", b"a")], 3)
    with pytest.raises(LocalProtocolError, match="more bytes"):
        writer.data(b"abcd")
    with pytest.raises(LocalProtocolError, match="lacks"):
        writer.end()
    writer.data(b"abc")
    writer.end()
    for call in (writer.end, lambda: writer.data(b"")):
        with pytest.raises(LocalProtocolError, match="complete"):
            call()


def test_trailers_cannot_break_out() -> None:
    writer = RequestWriter()
    writer.begin("PUT", "/", [(b"host", b"a")], None)
    with pytest.raises(LocalProtocolError):
        writer.end([(b"x", b"y\r\n\r\nGET / HTTP/1.1")])
