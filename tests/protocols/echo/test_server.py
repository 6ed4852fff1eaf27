from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime
from twisted.internet.testing import StringTransport
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netforge.protocols.echo import (
    CharacterGenerator,
    CharacterGeneratorFactory,
    DaytimeFactory,
    DiscardFactory,
    EchoFactory,
    IQuotes,
    QuoteFactory,
    Quotes,
    TimeFactory,
    encode_time,
)
from netforge.protocols.interfaces import IDrainable

if TYPE_CHECKING:
    from tests.protocols.echo.conftest import Connect

Make = Callable[[IReactorTime], IProtocolFactory]

MIB = 1024 * 1024
NOON = 1_793_880_000
BOUND = 64 * 1024 + 64 * 1024  # the mark at which Twisted pauses a producer, and one more read


def quote_factory(clock: IReactorTime) -> IProtocolFactory:
    return QuoteFactory(Quotes(["Less is more."], Random(1)))


LASTING: list[Make] = [EchoFactory, DiscardFactory, CharacterGeneratorFactory]
LISTENING: list[Make] = [EchoFactory, DiscardFactory]
ANSWERING: list[Make] = [DaytimeFactory, TimeFactory, quote_factory]


# Echo


@given(st.lists(st.binary(max_size=50)))
def test_echo_sends_back_what_it_gets(connect: Connect, chunks: list[bytes]) -> None:
    wire = connect(EchoFactory, room=MIB)
    for chunk in chunks:
        wire.send(chunk)
    assert wire.received == b"".join(chunks)
    assert wire.open


def test_echo_pauses_a_peer_that_does_not_read_and_resumes_when_it_does(connect: Connect) -> None:
    data = Random(1).randbytes(2 * MIB)
    wire = connect(EchoFactory)
    wire.send(data)
    assert not wire.reading
    for _ in range(2 * MIB // 50_000 + 1):
        wire.read(50_000)
    assert wire.received == data
    assert 64 * 1024 < wire.most_buffered <= BOUND
    assert wire.reading


def test_echo_aborts_a_peer_that_never_reads(connect: Connect) -> None:
    wire = connect(EchoFactory, room=100_000)
    wire.send(bytes(MIB))
    for _ in range(59):
        wire.send(b"still here")
        wire.wait(1)
    assert wire.open
    assert wire.most_buffered <= BOUND
    wire.wait(1)
    assert wire.aborted


def test_echo_gives_a_peer_that_reads_slowly_its_time(connect: Connect) -> None:
    wire = connect(EchoFactory)
    wire.send(bytes(MIB))
    for _ in range(8):
        wire.wait(59)
        wire.read(BOUND)
    assert wire.open
    assert len(wire.received) == MIB


def test_echo_counts_the_end_of_a_pause_as_progress(connect: Connect) -> None:
    wire = connect(EchoFactory)
    wire.send(bytes(65 * 1024))
    assert not wire.reading
    wire.wait(59)
    wire.read(65 * 1024)
    wire.wait(59)
    assert wire.open
    wire.wait(1)
    assert wire.aborted


@pytest.mark.parametrize("size", [0, 5, MIB])
@pytest.mark.parametrize("step", [10_000, 2**30])
def test_echo_loses_nothing_when_the_peer_ends_its_side(connect: Connect, size: int, step: int) -> None:
    data = Random(1).randbytes(size)
    wire = connect(EchoFactory)
    wire.send(data)
    wire.end()
    wire.read_all(step)
    assert wire.received == data
    assert wire.closed


def test_echo_aborts_a_peer_that_ended_its_side_and_never_reads(connect: Connect) -> None:
    wire = connect(EchoFactory)
    wire.send(b"hello")
    wire.wait(30)
    wire.end()
    wire.wait(59)
    assert wire.open
    wire.wait(1)
    assert wire.aborted


@pytest.mark.parametrize("size", [5, MIB])
def test_echo_drains_by_sending_what_is_pending(connect: Connect, size: int) -> None:
    data = Random(1).randbytes(size)
    wire = connect(EchoFactory)
    wire.send(data)
    pending = wire.buffered
    IDrainable(wire.protocol).drain()
    wire.send(b"too late")
    IDrainable(wire.protocol).drain()
    wire.read_all(10_000)
    assert wire.closed
    assert wire.received == data[:pending]


# Discard


def test_discard_answers_nothing(connect: Connect) -> None:
    wire = connect(DiscardFactory, room=MIB)
    wire.send(bytes(MIB))
    assert wire.received == b""
    wire.end()
    assert wire.closed


# Character generator


def test_character_generator_goes_on_as_long_as_the_peer_reads(connect: Connect) -> None:
    wire = connect(CharacterGeneratorFactory)
    for _ in range(30):
        wire.send(b"thrown away" * 1000)
        wire.read(100_000)
        wire.wait(59)
    assert wire.open
    assert wire.received == CharacterGenerator().read(30 * 100_000)
    assert 64 * 1024 < wire.most_buffered <= BOUND


def test_character_generator_writes_one_block_a_turn(connect: Connect) -> None:
    wire = connect(CharacterGeneratorFactory, room=0, settle=False)
    for turn in range(4):
        assert wire.buffered == turn * 16 * 1024
        wire.tick()


def test_character_generator_is_not_idle_when_its_buffer_never_fills(connect: Connect) -> None:
    """Nobody pauses it then, so nobody resumes it either."""
    wire = connect(CharacterGeneratorFactory, room=2**40, settle=False)
    for _ in range(100):
        wire.tick(10)
        assert wire.buffered == 0
    assert wire.open
    assert len(wire.received) == 100 * 16 * 1024


def test_character_generator_aborts_a_peer_that_stops_reading(connect: Connect) -> None:
    wire = connect(CharacterGeneratorFactory, room=MIB)
    assert len(wire.received) == MIB
    assert 64 * 1024 < wire.most_buffered <= BOUND
    for _ in range(59):
        wire.send(b"are you there?")
        wire.wait(1)
    assert wire.open
    wire.wait(1)
    assert wire.aborted


def test_character_generator_stops_when_the_peer_ends_its_side(connect: Connect) -> None:
    wire = connect(CharacterGeneratorFactory)
    wire.end()
    assert wire.closed


def test_character_generator_drains_by_sending_what_is_pending(connect: Connect) -> None:
    wire = connect(CharacterGeneratorFactory, settle=False)
    wire.tick()
    IDrainable(wire.protocol).drain()
    wire.read_all(10_000)
    assert wire.closed
    assert wire.received == CharacterGenerator().read(16 * 1024)


# All that last


@pytest.mark.parametrize("make", LISTENING)
def test_a_peer_that_never_speaks_is_aborted_at_the_deadline(connect: Connect, make: Make) -> None:
    wire = connect(make)
    wire.wait(59.5)
    assert wire.open
    wire.wait(0.5)
    assert wire.aborted


@pytest.mark.parametrize("make", LISTENING)
def test_a_peer_that_speaks_stays(connect: Connect, make: Make) -> None:
    wire = connect(make, room=MIB)
    for _ in range(20):
        wire.wait(59)
        wire.send(b"x")
    assert wire.open


@pytest.mark.parametrize("factory", [EchoFactory, DiscardFactory, CharacterGeneratorFactory])
def test_without_idle_any_peer_stays(connect: Connect, factory: type[EchoFactory]) -> None:
    wire = connect(partial(factory, idle=None))
    wire.wait(10**9)
    assert wire.open


@pytest.mark.parametrize("make", LASTING)
def test_a_lost_connection_leaves_no_timer(connect: Connect, make: Make) -> None:
    wire = connect(make)
    wire.send(b"hello")
    wire.abortConnection()
    wire.settle()
    assert wire.aborted
    assert wire.clock.getDelayedCalls() == []


def test_a_connection_lost_while_characters_flow_leaves_no_timer(connect: Connect) -> None:
    wire = connect(CharacterGeneratorFactory, settle=False)
    wire.tick()
    assert len(wire.clock.getDelayedCalls()) == 2
    wire.abortConnection()
    wire.tick()
    assert wire.aborted
    assert wire.clock.getDelayedCalls() == []


@pytest.mark.parametrize("make", LASTING + ANSWERING)
def test_all_are_drainable_at_once_twice_and_after_the_end(connect: Connect, make: Make) -> None:
    wire = connect(make)
    assert verifyObject(IDrainable, wire.protocol)
    assert verifyObject(IProtocol, wire.protocol)
    IDrainable(wire.protocol).drain()
    IDrainable(wire.protocol).drain()
    wire.read(MIB)
    assert wire.closed
    IDrainable(wire.protocol).drain()
    assert wire.clock.getDelayedCalls() == []


# One answer


def test_daytime(connect: Connect) -> None:
    wire = connect(DaytimeFactory, room=MIB, now=NOON)
    assert wire.received == b"Thursday, November 5, 2026 12:00:00-UTC\r\n"
    assert wire.closed


def test_time(connect: Connect) -> None:
    wire = connect(TimeFactory, room=MIB, now=NOON)
    assert wire.received == encode_time(NOON)
    assert wire.closed


def test_quote(connect: Connect) -> None:
    wire = connect(quote_factory, room=MIB)
    assert wire.received == b"Less is more.\r\n"
    assert wire.closed


@implementer(IQuotes)
class NoQuotes:
    def quote(self) -> str:
        raise LookupError("no quotes today")


def test_a_backend_that_fails_does_not_leave_the_connection_open() -> None:
    transport = StringTransport()
    protocol = QuoteFactory(NoQuotes()).buildProtocol(IPv4Address("TCP", "192.0.2.1", 50_000))
    assert protocol is not None
    with pytest.raises(LookupError):
        protocol.makeConnection(transport)
    assert transport.disconnecting


@pytest.mark.parametrize("make", ANSWERING)
def test_one_answer_ignores_what_the_peer_sends(connect: Connect, make: Make) -> None:
    wire = connect(make)
    wire.send(b"hello")
    assert wire.open
    wire.read(MIB)
    assert len(wire.received) > 3
    assert wire.closed
