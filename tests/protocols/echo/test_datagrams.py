from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import FakeDatagramTransport

from netforge.protocols.echo import (
    LOWEST_SOURCE_PORT,
    CharacterGenerator,
    CharacterGeneratorDatagrams,
    DaytimeDatagrams,
    DiscardDatagrams,
    EchoDatagrams,
    QuoteDatagrams,
    Quotes,
    TimeDatagrams,
    encode_time,
)

OWN_PORT = 7007
PEER = ("192.0.2.1", 50_000)
NOON = 1_793_880_000

Make = Callable[[], DatagramProtocol]


class Port(FakeDatagramTransport):
    """A port in memory, whose *problem*, if it has one, comes up at each write."""

    def __init__(self) -> None:
        super().__init__()
        self.problem: Exception | None = None

    def getHost(self) -> IPv4Address:
        return IPv4Address("UDP", "192.0.2.2", OWN_PORT)

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        if self.problem is not None:
            raise self.problem
        self.written.append((packet, addr))


def bind(protocol: DatagramProtocol) -> Port:
    port = Port()
    protocol.noisy = False
    protocol.makeConnection(port)
    return port


def clock() -> Clock:
    clock = Clock()
    clock.advance(NOON)
    return clock


def quotes() -> Quotes:
    return Quotes(["Less is more."], Random(1))


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (EchoDatagrams, b"request"),
        (lambda: DaytimeDatagrams(clock()), b"Thursday, November 5, 2026 12:00:00-UTC\r\n"),
        (lambda: TimeDatagrams(clock()), encode_time(NOON)),
        (lambda: QuoteDatagrams(quotes()), b"Less is more.\r\n"),
    ],
)
def test_answers(make: Make, answer: bytes) -> None:
    service = make()
    port = bind(service)
    service.datagramReceived(b"request", PEER)
    assert port.written == [(answer, PEER)]


def test_discard_answers_nothing() -> None:
    service = DiscardDatagrams()
    port = bind(service)
    service.datagramReceived(b"request", PEER)
    assert port.written == []


def test_character_generator_answers_at_random_up_to_its_cap_and_afresh() -> None:
    service = CharacterGeneratorDatagrams(Random(1), cap=20)
    port = bind(service)
    for _ in range(1000):
        service.datagramReceived(b"", PEER)
    answers = [packet for packet, _ in port.written]
    assert {len(answer) for answer in answers} == set(range(21))
    assert all(CharacterGenerator().read(20).startswith(answer) for answer in answers)


@given(st.integers())
def test_character_generator_never_exceeds_512_bytes(seed: int) -> None:
    service = CharacterGeneratorDatagrams(Random(seed))
    port = bind(service)
    for _ in range(50):
        service.datagramReceived(b"x" * 1000, PEER)
    assert len(port.written) == 50
    assert all(len(packet) <= 512 for packet, _ in port.written)


@pytest.mark.parametrize(
    "make",
    [
        EchoDatagrams,
        lambda: CharacterGeneratorDatagrams(Random(1)),
        lambda: DaytimeDatagrams(clock()),
        lambda: TimeDatagrams(clock()),
        lambda: QuoteDatagrams(quotes()),
    ],
)
@pytest.mark.parametrize("source", [0, 7, 19, LOWEST_SOURCE_PORT - 1, OWN_PORT])
def test_sources_that_could_be_services_are_dropped(make: Make, source: int) -> None:
    service = make()
    port = bind(service)
    service.datagramReceived(b"request", ("192.0.2.1", source))
    assert port.written == []
    service.datagramReceived(b"request", ("192.0.2.1", LOWEST_SOURCE_PORT))
    assert len(port.written) == 1


@pytest.mark.parametrize(
    "problem",
    [
        OSError(errno.EMSGSIZE, "too long"),
        ConnectionRefusedError(),
        BlockingIOError(),
        OSError(errno.ENETUNREACH, "unreachable"),
        MessageLengthError("message too long"),
    ],
)
def test_an_answer_that_cannot_be_sent_is_lost_and_the_next_is_not(problem: Exception) -> None:
    service = EchoDatagrams()
    port = bind(service)
    port.problem = problem
    service.datagramReceived(b"lost", PEER)
    port.problem = None
    service.datagramReceived(b"sent", PEER)
    assert port.written == [(b"sent", PEER)]


def test_any_other_problem_is_not_hidden() -> None:
    service = EchoDatagrams()
    port = bind(service)
    port.problem = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        service.datagramReceived(b"request", PEER)
