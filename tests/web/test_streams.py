"""Answers in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from netforge.testing import Network, WebClient
from netforge.web import Event, Events, Redirect, Request, Site, Stream
from tests.web.asking import ask, network_peer

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_events_stream_until_the_browser_goes(network: Network) -> None:
    clock = network.machine("web.example").reactor
    closed = []

    async def ticks() -> AsyncIterator[Event | str]:
        try:
            yield Event("one\ntwo", event="tick", id="7")
            yield "three"
            forever: Deferred[None] = Deferred()
            await forever
        finally:
            closed.append(clock.seconds())

    site = Site()
    site.get("/")(lambda: Events(ticks()))
    peer = network_peer(network, site)
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"event: tick\nid: 7\ndata: one\ndata: two\n\n" in peer.receive_until(b"three\n\n")
    peer.reset()
    network.run(5)
    assert closed


def test_a_generator_is_closed_to_its_last_finally(network: Network) -> None:
    closed: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            await succeed(None)
            closed.append("inner")

    site = Site()
    site.get("/")(lambda: Stream(pieces()))
    peer = network_peer(network, site)
    peer.send(GET)
    peer.receive_until(b"x")
    peer.reset()
    network.run(5)
    assert closed == ["inner"]


def test_nobody_makes_pieces_for_head(network: Network) -> None:
    def pieces() -> Iterator[bytes]:
        raise NotImplementedError
        yield b""

    site = Site()
    site.get("/")(lambda: Stream(pieces(), fields=[(b"content-length", b"10")]))
    answer = WebClient(network, site).request("HEAD", "/")
    assert (answer.status, answer.header("content-length"), answer.body) == (200, "10", b"")


def test_nobody_makes_pieces_for_a_client_that_is_gone(network: Network) -> None:
    made: list[int] = []

    async def pieces() -> AsyncIterator[str]:
        while len(made) < 100:
            made.append(1)
            yield "x"

    site = Site()

    @site.get("/")
    async def late(request: Request) -> Stream:
        await deferLater(request.exchange.clock, 5)
        return Stream(pieces())

    peer = network_peer(network, site)
    peer.send(GET)
    network.run(1)
    peer.reset()
    network.run(10)
    assert not made


def test_a_generator_that_fails_cuts_the_response_and_is_logged_once(network: Network) -> None:
    clock = network.machine("web.example").reactor

    async def pieces() -> AsyncIterator[str]:
        yield "first"
        await deferLater(clock, 1)
        raise KeyError("oops")

    site = Site()
    site.get("/")(lambda: Stream(pieces()))
    peer = network_peer(network, site)
    peer.send(GET)
    peer.receive_until(b"first")
    network.run(5)
    assert b"0\r\n\r\n" not in peer.received
    assert "oops" in str(network.failures.pop())
    assert not network.failures


def test_silence_has_a_heartbeat(network: Network) -> None:
    site = Site()

    async def silence() -> AsyncIterator[Event]:
        await Deferred[None]()
        yield Event("")

    site.get("/")(lambda: Events(silence(), heartbeat=10))
    peer = network_peer(network, site)
    peer.send(GET)
    network.run(9)
    assert b":" not in peer.received.partition(b"\r\n\r\n")[2]
    network.run(12)
    assert peer.received.count(b":\n\n") == 2
    peer.reset()
    network.run(1)


def test_a_generator_that_says_nothing_of_itself_is_told(network: Network) -> None:
    async def handler() -> AsyncIterator[str]:
        yield ""

    assert ask(network, handler).status == 500
    assert "Stream(...) or Events(...)" in str(network.failures.pop())


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("/käse und brot", "/k%C3%A4se%20und%20brot"),
        ("/a%20b?c=d&e#f", "/a%20b?c=d&e#f"),
        ("/a\r\nb: c", "/a%0D%0Ab:%20c"),
    ],
)
def test_redirects_are_encoded(to: str, said: str) -> None:
    assert Redirect(to).fields == ((b"location", said.encode()),)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_an_event_has_no_lines_where_it_must_not(value: str) -> None:
    with pytest.raises(ValueError, match="the event of an event is one line"):
        Event("", event=value)
    with pytest.raises(ValueError, match="the id of an event is one line"):
        Event("", id=value)


def test_an_event_in_words() -> None:
    assert Event("a\r\nb\rc", retry=7).text == "retry: 7\ndata: a\ndata: b\ndata: c\n\n"
