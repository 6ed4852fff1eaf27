"""What applications return, raise and leave undone."""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Exchange, Headers, HTTPError, HTTPFactory, WrappedExchange, path_of, raw_target, run
from netforge.testing import Network
from tests.protocols.http.server import Server

GET = b"GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"


def answer(network: Network, application: Any, request: bytes = GET) -> bytes:
    peer = Server(network, lambda exchange: run(application, exchange)).connect()
    peer.send(request)
    return peer.receive_all()


async def at_once(exchange: Exchange) -> None:
    exchange.respond(200, [], b"hello")


def by_deferred(exchange: Exchange) -> Deferred[None]:
    return Deferred.fromCoroutine(at_once(exchange))


@pytest.mark.parametrize("application", [at_once, by_deferred])
def test_an_application_may_return_what_is_awaited(network: Network, application: Any) -> None:
    assert answer(network, application).endswith(b"\r\n\r\nhello")


def test_a_coroutine_may_wait(network: Network) -> None:
    clock = network.machine("server").reactor

    async def application(exchange: Exchange) -> None:
        for _ in range(2):
            waiting: Deferred[None] = Deferred()
            clock.callLater(1, waiting.callback, None)
            await waiting
        try:
            waiting = Deferred()
            clock.callLater(1, waiting.errback, ValueError("no"))
            await waiting
        except ValueError as error:
            exchange.respond(200, [], str(error).encode())

    assert answer(network, application).endswith(b"\r\n\r\nno")


@pytest.mark.parametrize("wait", [False, True])
def test_what_was_refused_is_said(network: Network, wait: bool) -> None:
    clock = network.machine("server").reactor

    async def application(exchange: Exchange) -> None:
        if wait:
            waiting: Deferred[None] = Deferred()
            clock.callLater(1, waiting.callback, None)
            await waiting
        raise HTTPError(405, "only POST", [(b"allow", b"POST")])

    said = answer(network, application)
    assert said.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert b"\r\nallow: POST\r\n" in said
    assert said.endswith(b"405 Method Not Allowed: only POST\n")


@pytest.mark.parametrize("begun", [False, True])
def test_a_coroutine_that_says_too_little_is_a_failure(network: Network, begun: bool) -> None:
    async def application(exchange: Exchange) -> None:
        if begun:
            exchange.begin(200)
            exchange.write(b"half")

    said = answer(network, application)
    assert begun or said.startswith(b"HTTP/1.1 500 ")
    assert not said.endswith(b"0\r\n\r\n")
    assert "without a whole response" in str(network.failures.pop())


def test_requests_do_not_see_the_variables_of_others(network: Network) -> None:
    seen: ContextVar[str] = ContextVar("seen", default="nothing")

    async def application(exchange: Exchange) -> None:
        exchange.respond(200, [], seen.get().encode())
        seen.set("something")

    assert answer(network, application).endswith(b"nothing")
    assert seen.get() == "nothing"


def test_decorations_see_the_head_before_it_is_said(network: Network) -> None:
    def application(exchange: Exchange) -> None:
        exchange.decorate(lambda status, fields: fields.append((b"x-status", b"%d" % status)))
        WrappedExchange(exchange).respond(201)

    assert b"\r\nx-status: 201\r\n" in answer(network, application)


def test_some_decorations_come_after_all_others(network: Network) -> None:
    def say(name: str, status: int, fields: Headers) -> None:
        fields.append((b"x", name.encode()))

    def application(exchange: Exchange) -> None:
        for name, last in (("c", True), ("a", False), ("d", True), ("b", False)):
            exchange.decorate(partial(say, name), last=last)
        exchange.respond(200)

    assert b"x: a\r\nx: b\r\nx: d\r\nx: c\r\n" in answer(network, application)


def test_observers_are_told_what_became_of_it(network: Network) -> None:
    seen = []

    def application(exchange: Exchange) -> None:
        exchange.when_done(lambda done: seen.append((done.status, done.sent, done.lost)))
        exchange.begin(200)
        exchange.write(b"hello")
        if exchange.request.target == "/":
            exchange.end()
        else:
            exchange.abort()

    server = Server(network, application)
    for target in (b"/", b"/cut"):
        peer = server.connect()
        peer.send(GET.replace(b" / ", b" %b " % target))
        peer.receive_all()
    assert seen == [(200, 5, False), (200, 5, True)]


@pytest.mark.parametrize(
    "length",
    [b"Content-Length: 11\r\n\r\nhello world", CHUNKED],
)
@pytest.mark.parametrize("most", [10, 11])
def test_a_body_is_read_as_a_whole_up_to_a_size(network: Network, length: bytes, most: int) -> None:
    async def application(exchange: Exchange) -> None:
        exchange.respond(200, [], await exchange.body(most))

    said = answer(network, application, b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + length)
    assert said.startswith(b"HTTP/1.1 413 " if most == 10 else b"HTTP/1.1 200 ")
    assert said.endswith(b"hello world") is (most == 11)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/a%20b?c%20d", "/a b"),
        ("http://host/a?b", "/a"),
        ("http://host", ""),
        ("*", ""),
        ("/.well-known", "/.well-known"),
        ("/a%C3%A4", "/aä"),
    ],
)
def test_paths_are_decoded(target: str, path: str) -> None:
    assert path_of(target) == path


@pytest.mark.parametrize("target", ["/a/../b", "/%2e%2E/b", "/./", "/a%2Fb", "/%00", "/%ff", "/a/.."])
def test_paths_that_can_be_read_in_two_ways_are_refused(target: str) -> None:
    with pytest.raises(HTTPError, match="the path"):
        path_of(target)


def test_a_target_has_a_path_and_a_query() -> None:
    assert raw_target("/a%20b?c?d") == ("/a%20b", "c?d")
    assert raw_target("https://host/a?b") == ("/a", "b")
    assert HTTPFactory.noisy is False


@pytest.mark.parametrize("fields", [(), []])
def test_nothing_is_answered_twice(network: Network, fields: Any) -> None:
    def application(exchange: Exchange) -> None:
        exchange.respond(200, fields, b"once")
        for again in (exchange.respond, exchange.begin, exchange.inform):
            with pytest.raises(LocalProtocolError):
                again(200)

    peer = Server(network, application).connect()
    peer.send(GET.replace(b"Connection: close\r\n", b"") + GET)
    assert peer.receive_all().count(b"\r\n\r\nonce") == 2
