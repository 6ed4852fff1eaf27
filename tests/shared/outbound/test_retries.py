"""What is made again, when, and what never is."""

from __future__ import annotations

from email.utils import formatdate
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Factory, Protocol

from netforge.plugin import OutboundFailed
from netforge.protocols.http import Exchange
from netforge.shared.outbound.retries import LAST_WAIT, retry_after, wait_before
from tests.shared.outbound.conftest import World

START = 1_767_225_600.0


class Failing:
    """An application that fails a few times."""

    def __init__(self, times: int, status: int = 503, *fields: tuple[bytes, bytes]) -> None:
        self.times = times
        self.status = status
        self.fields = fields

    def __call__(self, exchange: Exchange) -> None:
        self.times -= 1
        if self.times >= 0:
            exchange.respond(self.status, self.fields, b"later")
        else:
            exchange.respond(200, [], b"now")


class Vanishing(Protocol):
    """A server that takes a request and goes away."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_asked_for_again(world: World, status: int) -> None:
    world.serve(Failing(2, status))
    assert world.get(client=world.client(retries=2)) == (200, b"now")


@pytest.mark.parametrize("status", [400, 404, 500, 501])
def test_what_does_not_pass_is_the_response(world: World, status: int) -> None:
    world.serve(Failing(1, status))
    assert world.get(client=world.client(retries=2)) == (status, b"later")


def test_the_last_failure_is_the_response(world: World) -> None:
    world.serve(Failing(3))
    assert world.get(client=world.client(retries=2)) == (503, b"later")
    assert len(world.seen) == 3


@pytest.mark.parametrize(("method", "times"), [("GET", 3), ("PUT", 3), ("DELETE", 3), ("POST", 1), ("PATCH", 1)])
def test_only_idempotent_methods_are_repeated(world: World, method: str, times: int) -> None:
    world.serve(Failing(9))
    assert world.request(method, client=world.client(retries=2), body=b"x")[0] == 503
    assert len(world.seen) == times


@pytest.mark.parametrize(("method", "times"), [("GET", 3), ("POST", 1)])
def test_a_lost_response_is_asked_for_again_where_that_is_safe(world: World, method: str, times: int) -> None:
    made: list[Any] = []

    class Counting(Factory[Vanishing]):
        protocol = Vanishing

        def buildProtocol(self, addr: Any) -> Vanishing | None:
            made.append(addr)
            return super().buildProtocol(addr)

    world.network.machine("server").reactor.listenTCP(80, Counting())
    with pytest.raises(OutboundFailed, match="the connection was lost while waiting for the response") as raised:
        world.request(method, client=world.client(retries=2))
    assert raised.value.stage == "response"
    assert len(made) == times


def test_what_was_never_sent_is_sent_again_whatever_it_is(world: World) -> None:
    world.network.machine("server")
    waiting = world.client(retries=5).request("POST", "http://server/", body=b"x")
    world.machine.reactor.callLater(1, world.serve)
    reply = world.network.run_until(waiting)
    assert reply.status == 200


def test_retry_after_in_seconds_is_obeyed(world: World) -> None:
    world.serve(Failing(1, 429, (b"retry-after", b"20")))
    assert world.get(client=world.client(retries=1)) == (200, b"now")
    assert 20 <= world.network.now < 21


def test_retry_after_as_a_date_is_obeyed(world: World) -> None:
    date = formatdate(START + 30, usegmt=True).encode()
    world.serve(Failing(1, 503, (b"retry-after", date)))
    assert world.get(client=world.client(retries=1)) == (200, b"now")
    assert 29 < world.network.now < 31


def test_a_wait_that_is_too_long_is_the_callers_business(world: World) -> None:
    world.serve(Failing(1, 503, (b"retry-after", b"3600")))
    assert world.get(client=world.client(retries=1)) == (503, b"later")
    assert world.network.now < 1


def test_waits_grow_and_differ(world: World) -> None:
    random = Random(2)
    for number, most in enumerate([0.5, 1, 2, 4, 8, 16, 30, 30]):
        waits = [wait_before(number, random) for _ in range(50)]
        assert most / 2 <= min(waits) < max(waits) <= most
    assert LAST_WAIT == 30


@given(st.text(max_size=30))
def test_any_retry_after_is_a_number_of_seconds(text: str) -> None:
    assert retry_after(text, START) >= 0


def test_a_connection_that_the_server_has_closed_meanwhile_does_no_harm(world: World) -> None:
    """Not even where repetitions are off: the server had closed it before it could know of the request."""
    closing: list[Any] = []

    def answer(exchange: Exchange) -> None:
        exchange.respond(200, [], b"hello")
        closing.append(exchange.transport)

    world.serve(answer)
    client = world.client(retries=0)
    assert world.get(client=client)[0] == 200
    # The request and the end of the connection cross on the way.
    asked = client.request("GET", "http://server/")
    closing[0].abortConnection()
    assert world.network.run_until(asked).status == 200
    assert len(world.connections) == 2


def test_a_body_that_is_read_only_once_is_not_sent_twice(world: World) -> None:
    world.serve(Failing(1))
    pieces = [b"a", b"b", b""]

    async def read() -> bytes:
        return pieces.pop(0)

    assert world.request("PUT", client=world.client(retries=2), body=read) == (503, b"later")
