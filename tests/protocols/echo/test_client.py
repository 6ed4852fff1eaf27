from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, TimeoutError  # noqa: A004  # Twisted's
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError  # noqa: A004  # Twisted's
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import FakeDatagramTransport, MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.test.iosim import connectedServerAndClient

from netforge.protocols.echo import (
    DAYTIME_CAP,
    QUOTE_CAP,
    DaytimeFactory,
    EchoFactory,
    QuoteFactory,
    Quotes,
    TimeFactory,
    echo,
    encode_time,
    exchange,
    format_daytime,
    read_daytime,
    read_quote,
    read_time,
)
from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError

NOON = 1_793_880_000
Ask = Callable[[IStreamClientEndpoint, IReactorTime], Deferred[Any]]

ASK: list[Ask] = [lambda endpoint, clock: echo(endpoint, b"hello", clock), read_daytime, read_time, read_quote]


class Outcome:
    """What became of a Deferred."""

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.results: list[Any] = []
        deferred.addBoth(self.results.append)

    @property
    def waiting(self) -> bool:
        return not self.results

    @property
    def value(self) -> Any:
        [result] = self.results
        if isinstance(result, Failure):
            result.raiseException()
        return result


class Transport(StringTransport):
    """Tells apart how it was closed."""

    aborted = False

    def abortConnection(self) -> None:  # noqa: N802
        self.aborted = True
        super().abortConnection()


class Question:
    """A client at work, whose peer is the test."""

    def __init__(self, ask: Ask, now: float = NOON) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.advance(now)
        self.deferred = ask(TCP4ClientEndpoint(self.reactor, "192.0.2.1", 7), self.reactor)
        self.outcome = Outcome(self.deferred)

    def connect(self) -> Question:
        self.protocol = self.reactor.tcpClients[0][2].buildProtocol(IPv4Address("TCP", "192.0.2.1", 7))
        assert self.protocol is not None
        self.transport = Transport()
        self.protocol.makeConnection(self.transport)
        return self

    def receive(self, *chunks: bytes) -> None:
        assert self.protocol is not None
        for chunk in chunks:
            self.protocol.dataReceived(chunk)

    def lose(self, reason: Exception) -> None:
        assert self.protocol is not None
        self.protocol.connectionLost(Failure(reason))

    def end(self) -> None:
        self.lose(ConnectionDone())


def test_echo_returns_when_as_many_bytes_came_back() -> None:
    it = Question(lambda endpoint, clock: echo(endpoint, b"hello", clock)).connect()
    assert it.transport.value() == b"hello"
    it.receive(b"he", b"ll")
    assert not it.transport.disconnecting
    it.receive(b"o")
    assert it.transport.disconnecting
    assert not it.transport.aborted
    it.end()
    assert it.outcome.value == b"hello"
    assert it.reactor.getDelayedCalls() == []


def test_echo_refuses_something_else() -> None:
    it = Question(lambda endpoint, clock: echo(endpoint, b"hello", clock)).connect()
    it.receive(b"hullo")
    it.end()
    with pytest.raises(RemoteProtocolError, match="not what was sent"):
        _ = it.outcome.value


def test_echo_of_nothing_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        Question(lambda endpoint, clock: echo(endpoint, b"", clock))


def test_read_daytime() -> None:
    it = Question(read_daytime).connect()
    assert it.transport.value() == b""
    now = datetime(2026, 11, 5, 12, tzinfo=UTC)
    line = format_daytime(now)
    it.receive(line[:7], line[7:])
    assert it.outcome.waiting
    it.end()
    assert it.outcome.value == now


def test_read_time_closes_first_and_finds_its_era() -> None:
    it = Question(read_time).connect()
    it.receive(encode_time(NOON + 5)[:3], encode_time(NOON + 5)[3:] + b"surplus")
    assert it.transport.disconnecting
    it.receive(b"more")
    it.end()
    assert it.outcome.value == datetime(2026, 11, 5, 12, 0, 5, tzinfo=UTC)
    in_2100 = Question(read_time, now=4_102_444_800).connect()
    in_2100.receive(encode_time(4_102_444_799))
    in_2100.end()
    assert in_2100.outcome.value == datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_read_quote() -> None:
    it = Question(read_quote).connect()
    it.receive(b"Less is\r", b"\nmore.\r\n")
    it.end()
    assert it.outcome.value == "Less is\nmore."


@pytest.mark.parametrize(
    ("ask", "cap"),
    [
        (read_daytime, DAYTIME_CAP),
        (read_quote, QUOTE_CAP),
        (lambda endpoint, clock: read_quote(endpoint, clock, cap=600), 600),
    ],
)
def test_a_longer_answer_than_the_cap_aborts(ask: Ask, cap: int) -> None:
    it = Question(ask).connect()
    it.receive(b"x" * cap)
    assert not it.transport.disconnecting
    it.receive(b"x")
    assert it.transport.aborted
    it.receive(b"x" * 1000)
    it.end()
    with pytest.raises(RemoteProtocolError, match=f"longer than {cap} bytes"):
        _ = it.outcome.value


@pytest.mark.parametrize("ask", ASK[:3])
def test_an_answer_that_ends_too_early_is_refused(ask: Ask) -> None:
    it = Question(ask).connect()
    it.receive(b"x")
    it.end()
    with pytest.raises(RemoteProtocolError):
        _ = it.outcome.value


@pytest.mark.parametrize("ask", ASK)
def test_a_broken_connection_is_not_an_end(ask: Ask) -> None:
    it = Question(ask).connect()
    it.receive(b"x")
    it.lose(ConnectionLost())
    with pytest.raises(ConnectionLost):
        _ = it.outcome.value
    assert it.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("ask", ASK)
def test_a_peer_that_does_not_answer_times_out_and_is_aborted(ask: Ask) -> None:
    it = Question(ask).connect()
    it.reactor.advance(29)
    it.receive(b"x")
    assert it.outcome.waiting
    it.reactor.advance(1)
    assert it.transport.aborted
    with pytest.raises(TimeoutError):
        _ = it.outcome.value
    it.lose(ConnectionLost())
    assert it.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("ask", ASK)
def test_connecting_counts_for_the_timeout(ask: Ask) -> None:
    it = Question(ask)
    it.reactor.advance(30)
    assert it.reactor.connectors[0].stoppedConnecting
    with pytest.raises(TimeoutError):
        _ = it.outcome.value


def test_a_refused_connection() -> None:
    it = Question(read_time)
    it.reactor.tcpClients[0][2].clientConnectionFailed(it.reactor.connectors[0], Failure(ConnectionRefusedError()))
    with pytest.raises(ConnectionRefusedError):
        _ = it.outcome.value
    assert it.reactor.getDelayedCalls() == []


def test_cancelling_aborts() -> None:
    it = Question(read_time).connect()
    it.deferred.cancel()
    assert it.transport.aborted
    with pytest.raises(CancelledError):
        _ = it.outcome.value
    it.lose(ConnectionLost())


@pytest.mark.parametrize(
    ("ask", "factory", "expected"),
    [
        (ASK[0], EchoFactory, b"hello"),
        (read_daytime, DaytimeFactory, datetime(2026, 11, 5, 12, tzinfo=UTC)),
        (read_time, TimeFactory, datetime(2026, 11, 5, 12, tzinfo=UTC)),
        (read_quote, lambda _: QuoteFactory(Quotes(["Less\nis more."], Random(1))), "Less\nis more."),
    ],
)
def test_our_client_with_our_server(ask: Ask, factory: Callable[[IReactorTime], Any], expected: object) -> None:
    clock = Clock()
    clock.advance(NOON)
    reactor = MemoryReactorClock()
    outcome = Outcome(ask(TCP4ClientEndpoint(reactor, "192.0.2.1", 7), clock))
    address = IPv4Address("TCP", "192.0.2.1", 7)
    _, _, pump = connectedServerAndClient(
        lambda: factory(clock).buildProtocol(address), lambda: reactor.tcpClients[0][2].buildProtocol(address)
    )
    pump.flush()
    assert outcome.value == expected
    assert clock.getDelayedCalls() == []


class UDPPort(FakeDatagramTransport):
    """The one port of a reactor in memory."""

    def __init__(self, problem: Exception | None = None) -> None:
        super().__init__()
        self.problem = problem
        self.peer: tuple[str, int] | None = None
        self.stopped = False

    def listenUDP(  # noqa: N802
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,  # noqa: N803
    ) -> UDPPort:
        assert port == 0
        self.interface = interface
        self.protocol = protocol
        protocol.makeConnection(self)
        return self

    def connect(self, host: str, port: int) -> None:
        # What the kernel would say at once.
        if self.problem is not None:
            raise self.problem
        self.peer = (host, port)

    def stopListening(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.protocol.doStop()


def start_exchange(host: str = "192.0.2.1", problem: Exception | None = None) -> tuple[UDPPort, Clock, Outcome]:
    port, clock = UDPPort(problem), Clock()
    return port, clock, Outcome(exchange(port, host, 37, b"now?", clock))  # type: ignore[arg-type]  # its one method


@pytest.mark.parametrize(("host", "interface"), [("192.0.2.1", ""), ("2001:db8::1", "::")])
def test_exchange_returns_the_first_answer(host: str, interface: str) -> None:
    port, clock, outcome = start_exchange(host)
    assert port.interface == interface
    assert port.peer == (host, 37)
    assert [packet for packet, _ in port.written] == [b"now?"]
    port.protocol.datagramReceived(b"1234", (host, 37))
    port.protocol.datagramReceived(b"5678", (host, 37))
    port.protocol.connectionRefused()
    assert outcome.value == b"1234"
    assert port.stopped
    assert clock.getDelayedCalls() == []


def test_exchange_times_out() -> None:
    port, clock, outcome = start_exchange()
    clock.advance(30)
    with pytest.raises(TimeoutError):
        _ = outcome.value
    assert port.stopped


def test_exchange_reports_a_refusal() -> None:
    port, _, outcome = start_exchange()
    port.protocol.connectionRefused()
    port.protocol.connectionRefused()
    port.protocol.datagramReceived(b"late", ("192.0.2.1", 37))
    with pytest.raises(ConnectionRefusedError):
        _ = outcome.value
    assert port.stopped


def test_exchange_reports_a_port_that_the_reactor_closed() -> None:
    port, _, outcome = start_exchange()
    port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        _ = outcome.value


def test_exchange_closes_its_port_when_it_cannot_send() -> None:
    port, _, outcome = start_exchange(problem=OSError("unreachable"))
    with pytest.raises(OSError, match="unreachable"):
        _ = outcome.value
    assert port.stopped
