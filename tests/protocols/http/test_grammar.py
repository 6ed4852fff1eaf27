"""Requests from a grammar of malformed ones: each is refused, nobody is misled, and none does harm."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from netforge.protocols.http import Exchange
from netforge.protocols.http._reader import RequestReader
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.events import Data, End, Request
from netforge.testing import Network
from tests.protocols.http.malformed import cut_short, good, malformed, odd
from tests.protocols.http.server import Server

#: How many requests each test makes up: a few, or ``EXAMPLES=5000`` for a long run.
EXAMPLES = int(os.environ.get("EXAMPLES", "60"))

HEAD = re.compile(
    rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n(?:[a-z-]+: [^\r\n]*\r\n)*?content-length: (\d+)\r\n(?:[a-z-]+: [^\r\n]*\r\n)*\r\n"
)
#: Besides 400 to 499: a method or coding, and a version, that are not known.
UNKNOWN = {501, 505}

Answers = list[tuple[int, bytes]]


def echo(exchange: Exchange) -> None:
    """Answers with target and body, once it has all of it."""
    said = [exchange.request.target.encode(), b" "]

    def more(piece: bytes) -> None:
        if piece:
            said.append(piece)
            read()
        else:
            exchange.respond(200, (), b"".join(said))

    def read() -> None:
        exchange.read().addCallbacks(more, lambda failure: None)

    read()


def answers(pieces: Iterable[bytes], *, ends: bool = True) -> Answers:
    """What a client gets that sends this, and then perhaps no more, before the server would lose its patience."""
    with Network() as network:
        server = Server(network, echo, idle=600)
        peer = server.connect()
        for piece in pieces:
            peer.send(piece)
            network.run(0.01)
        if ends:
            peer.end()
        said = peer.receive_all()
        assert not network.failures
        assert all(exchange.lost or exchange.complete for exchange in server.exchanges)
    found = []
    while said:
        head = HEAD.match(said)
        assert head, said
        length = int(head[2])
        found.append((int(head[1]), said[head.end() : head.end() + length]))
        assert len(found[-1][1]) == length
        said = said[head.end() + length :]
    return found


def is_refusal(status: int) -> bool:
    return 400 <= status <= 499 or status in UNKNOWN


@settings(max_examples=EXAMPLES)
@given(
    before=st.lists(good().map(bytes), max_size=2),
    wrong=malformed().map(bytes),
    after=good().map(bytes) | st.binary(max_size=20),
)
def test_what_is_malformed_is_refused_after_the_good_ones_were_answered(
    before: list[bytes], wrong: bytes, after: bytes
) -> None:
    *good_ones, last = answers([b"".join(before) + wrong + after], ends=False)
    assert [status for status, _ in good_ones] == [200] * len(before)
    assert is_refusal(last[0])


@settings(max_examples=EXAMPLES)
@given(before=st.lists(good().map(bytes), max_size=2), wrong=cut_short())
def test_what_is_cut_short_is_never_answered_as_if_it_were_whole(before: list[bytes], wrong: bytes) -> None:
    found = answers([b"".join(before) + wrong])
    assert [status for status, _ in found[: len(before)]] == [200] * len(before)
    assert all(is_refusal(status) for status, _ in found[len(before) :])


@settings(max_examples=EXAMPLES)
@given(
    data=st.lists(odd() | good().map(bytes), min_size=1, max_size=3).map(b"".join),
    places=st.lists(st.integers(0, 400), max_size=8),
)
def test_the_answers_are_the_same_however_it_is_cut(data: bytes, places: list[int]) -> None:
    cuts = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    whole = answers([data])
    assert all(status == 200 or is_refusal(status) for status, _ in whole)
    assert answers([data[begin:end] for begin, end in pairwise(cuts)]) == whole


Read = list[tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]]]]


def as_we_read(data: bytes) -> Read:
    """Method, target, body and fields of each whole request."""
    reader = RequestReader()
    try:
        events = reader.receive_data(data)
    except BadRequest:
        events = reader.salvaged()
    found: Read = []
    head: Request | None = None
    body: list[bytes] = []
    for event in events:
        if isinstance(event, Request):
            head, body = event, []
        elif isinstance(event, Data):
            body.append(event.data)
        if head is not None and (isinstance(event, End) or not head.has_body):
            found.append(
                (head.method.encode(), head.target.encode(), b"".join(body), [*map(as_h11_keeps, head.headers)])
            )
            head = None
    return found


def as_h11_keeps(field: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = field
    return name, value.lower() if name == b"transfer-encoding" else value


def as_h11_reads(data: bytes) -> tuple[Read, bool]:
    """The same by another parser, and whether it has refused what comes next."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
    connection.receive_data(data)
    found: Read = []
    head: Any = None
    body: list[bytes] = []
    try:
        while True:
            match connection.next_event():
                case h11.Request() as request:
                    head, body = request, []
                case h11.Data(data=piece):
                    body.append(bytes(piece))
                case h11.EndOfMessage():
                    found.append((head.method, head.target, b"".join(body), [*head.headers]))
                    if head.method == b"CONNECT":
                        return found, True
                    connection.send(h11.Response(status_code=200, headers=[(b"content-length", b"0")]))
                    connection.send(h11.EndOfMessage())
                    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                        return found, True
                    connection.start_next_cycle()
                case _:
                    return found, False
    except h11.RemoteProtocolError:
        return found, True


@settings(max_examples=4 * EXAMPLES)
@given(data=st.lists(odd() | good().map(bytes), min_size=1, max_size=3).map(b"".join))
def test_nobody_reads_what_we_accept_in_another_way(data: bytes) -> None:
    ours = as_we_read(data)
    theirs, refused = as_h11_reads(data)
    if refused:
        ours = ours[: len(theirs)]
    assert theirs[: len(ours)] == ours
