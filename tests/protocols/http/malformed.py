"""A grammar of HTTP/1.1 requests, right and wrong, for Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

__all__ = ["Message", "cut_short", "good", "malformed", "odd"]


@dataclass
class Message:
    """A request in its parts, each of which may be anything.

    :ivar ends: how the lines of the head end, beginning with the last.
    """

    start: bytes = b"GET / HTTP/1.1"
    fields: list[bytes] = field(default_factory=lambda: [b"Host: a.example"])
    body: bytes = b""
    ends: list[bytes] = field(default_factory=list)

    def __bytes__(self) -> bytes:
        lines = [self.start, *self.fields, b""]
        ends = [b"\r\n"] * (len(lines) - len(self.ends)) + self.ends[::-1]
        return b"".join(line + end for line, end in zip(lines, ends[-len(lines) :], strict=True)) + self.body


def chunked(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS"])
TARGETS = st.sampled_from([b"/", b"/a/b", b"/?q=1", b"/%41", b"http://b.example/c"])
FIELDS = st.sampled_from([b"Accept: */*", b"X-Empty:", b"X-Tab:\ta \t b", b"x-latin: \xe4\xff", b'Cookie: a="b; c"'])
PIECES = st.lists(st.binary(min_size=1, max_size=20), max_size=3)


@st.composite
def good(draw: st.DrawFn) -> Message:
    """A request as it should be."""
    message = Message(b"%b %b HTTP/1.1" % (draw(METHODS), draw(TARGETS)))
    message.fields += draw(st.lists(FIELDS, max_size=3))
    pieces = draw(st.none() | PIECES)
    if pieces is None:
        return message
    if draw(st.booleans()):
        message.fields.append(b"Transfer-Encoding: chunked")
        message.body = chunked(pieces)
    else:
        message.body = b"".join(pieces)
        message.fields.append(b"Content-Length: %d" % len(message.body))
    return message


#: What no request may begin with.
STARTS = [
    *(b"GET / " + version for version in (b"", b"HTTP", b"HTTP/1", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1")),
    *(b"GET / " + version for version in (b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1,1", b"ICE/1.0", b"HTTP/1.1 x")),
    *(method + b" / HTTP/1.1" for method in (b"", b"get", b"BREW", b"GE T", b"G\0T", b"G\xc4T", b"GET\t", b"(GET)")),
    *(b"GET " + target + b" HTTP/1.1" for target in (b"", b"a", b"*", b"/a b", b"/a#b", b"/\0", b"/\xff", b"/\x7f")),
    *(b"GET " + target + b" HTTP/1.1" for target in (b"http://u@a/", b"http:///", b"ftp://a/", b"//\x0b", b"a:80")),
    *(b"CONNECT " + target + b" HTTP/1.1" for target in (b"/", b"a", b"a:b", b"u@a:80", b"http://a/")),
    b"GET  / HTTP/1.1 ",
    b"GET\t/\tHTTP/1.1",
    b" GET / HTTP/1.1",
    b"HTTP/1.1 200 OK",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1",
]

#: Fields that make any request wrong.
WRONG = [
    *(b"X%b: a" % octet for octet in (b" ", b"\t", b"\0", b"\x01", b"\x7f", b"\xe4", b"(", b'"', b"@", b"\x0b")),
    *(b"X: a%bb" % octet for octet in (b"\0", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1f", b"\x7f")),
    *(b"Expect: " + value for value in (b"a-miracle", b"100-continue, a", b"")),
    b": a",
    b"no colon",
    b" folded",
    b"\tfolded",
    b"Host: b.example",
    b"host:",
    b"Host : a.example",
    b"X: " + b"a" * 20_000,
    b"X" * 20_000 + b": a",
    b"\r\n".join([b"X: a"] * 120),
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Content-Length: 0\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 0",
    b"Content-Length: 0\r\nContent-Length: 0",
    b"Content-Length: 1\r\nContent-Length: 2",
]

HOSTS = [
    b"",
    *(b"Host: " + host for host in (b"a b", b"a/b", b"u@a", b"a:b", b"a:80:80", b"[::1", b"a,b:c", b"a?b", b"\xe4")),
]

LENGTHS = [
    *(b"", b"+3", b"-3", b"3, 3", b"3,", b"3 3", b"0x3", b"3.0", b"3e0", b"three", b"\xb2", b"3;a", b'"3"', b"1_0"),
    b"9" * 20,
    b"9" * 4000,
]

CODINGS = [
    *(b"gzip", b"identity", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"xchunked", b"chunkedx", b""),
    *(b"chunked;q=1", b'"chunked"', b"chunked,", b",chunked", b"\x0bchunked", b"chunked\0"),
]

#: Beginnings of chunks that are none, each followed by three bytes.
SIZES = [
    *(b"\r\n", b" 3\r\n", b"3 \r\n", b"3\t\r\n", b"+3\r\n", b"-3\r\n", b"0x3\r\n", b"3h\r\n", b"g\r\n", b"1_0\r\n"),
    *(
        b"3\n",
        b"3\r",
        b"3\r\r\n",
        b"3\n\r\n",
        b"3;a\nb\r\n",
        b"3;a\rb\r\n",
        b"3;a\0\r\n",
        b"3;\n",
        b"\xb3\r\n",
        b"3,3\r\n",
    ),
    b"f" * 17 + b"\r\n",
    b"0" * 40_000 + b"3\r\n",
    b"3;" + b"a" * 40_000 + b"\r\n",
]

#: What ends a body in chunks, and does not.
LASTS = [
    *(b"0\n\n", b"0\r\n\n", b"0\r\nX: a\n\n", b"0\r\nX : a\r\n\r\n", b"0\r\n folded\r\n\r\n", b"0\r\nX\0: a\r\n\r\n"),
    *(b"0\r\nX: a\r\n b\r\n\r\n", b"0\r\n: a\r\n\r\n", b"0\r\nX: a\0\r\n\r\n"),
    b"0\r\n" + b"X: a\r\n" * 120 + b"\r\n",
    b"0\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
]


@st.composite
def malformed(draw: st.DrawFn) -> Message:
    """A request with one thing wrong in it that no server may overlook."""
    message: Message = draw(good())
    match draw(st.sampled_from(["start", "field", "host", "end", "length", "coding", "size", "last"])):
        case "start":
            message.start = draw(st.sampled_from(STARTS))
        case "field":
            # Not first, where what is folded would belong to the line above.
            message.fields.insert(draw(st.integers(0, len(message.fields))), draw(st.sampled_from(WRONG)))
        case "host":
            message.fields[:1] = [host for host in [draw(st.sampled_from(HOSTS))] if host]
        case "end":
            lines = len(message.fields) + 2
            ends = [b"\r\n"] * lines
            ends[draw(st.integers(0, lines - 1))] = draw(
                st.sampled_from([b"\n", b"\r\r\n", b"\n\r\n", b"\r \n", b"\0\r\n"])
            )
            message.ends = ends
        case "length":
            length = b"Content-Length: " + draw(st.sampled_from(LENGTHS))
            message = Message(b"POST / HTTP/1.1", [*message.fields[:1], length], b"abc")
        case "coding":
            coding = b"Transfer-Encoding: " + draw(st.sampled_from(CODINGS))
            message = Message(b"POST / HTTP/1.1", [*message.fields[:1], coding], chunked([b"abc"]))
        case wrong:
            begun = chunked(draw(PIECES)).removesuffix(b"0\r\n\r\n")
            rest = (
                draw(st.sampled_from(SIZES)) + b"abc\r\n0\r\n\r\n" if wrong == "size" else draw(st.sampled_from(LASTS))
            )
            message = Message(b"POST / HTTP/1.1", [*message.fields[:1], b"Transfer-Encoding: chunked"], begun + rest)
    return message


@st.composite
def cut_short(draw: st.DrawFn) -> bytes:
    """A request that ends before its end."""
    whole = bytes(draw(good()))
    return whole[: draw(st.integers(1, len(whole) - 1))]


#: Lines that servers have read in more than one way.
DISPUTED = [
    *(b"Content-Length: %b" % value for value in (*LENGTHS[:14], b"3", b"03", b"5", b"0", b"3\t", b"\t3")),
    *(b"Transfer-Encoding: %b" % value for value in (*CODINGS, b"chunked", b"Chunked", b"chunked \t", b"\tchunked")),
    *(
        b"Transfer-Encoding : chunked",
        b"Transfer_Encoding: chunked",
        b"Transfer-Encoding:chunked",
        b" Content-Length: 3",
    ),
    *(b"X: a\nContent-Length: 3", b"X: a\rContent-Length: 3", b"X: a\r\n Content-Length: 3", b"content-length:3"),
    *(
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: content-length",
        b"TE: trailers",
        b"Trailer: Host",
    ),
]

BODIES = [
    b"abc",
    chunked([b"abc"]),
    b"3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
    b"03;a=b\r\nabc\r\n000\r\n\r\n",
    b"0\r\n\r\n",
]


@st.composite
def odd(draw: st.DrawFn) -> bytes:
    """What may be a request, in the eyes of some."""
    message: Message = draw(good() | good() | malformed())
    for line in draw(st.lists(st.sampled_from(DISPUTED), max_size=2)):
        message.fields.insert(draw(st.integers(0, len(message.fields))), line)
    if draw(st.booleans()):
        message.body = draw(st.sampled_from(BODIES))
    data = bytearray(bytes(message))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 2))] = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\0", b" ", b"\t", b":", b";", b",", b"0"])
        )
    return bytes(data)
