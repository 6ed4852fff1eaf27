"""``netforge echo ping`` and ``netforge echo time``."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from netforge.plugin import Command, CommandFailed
from netforge.services.echo import echo
from netforge.services.echo.commands import PING, TIME

if TYPE_CHECKING:
    from collections.abc import Callable


class Peer(StringTransport):
    """The other end of a connection, closed at once when it is closed."""

    protocol: Protocol

    def loseConnection(self) -> None:  # noqa: N802  Twisted's name
        super().loseConnection()
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def abortConnection(self) -> None:  # noqa: N802  Twisted's name
        self.loseConnection()


class Running:
    """A command that runs on a reactor in memory."""

    def __init__(self, command: Command[Any], **options: Any) -> None:
        self.reactor = MemoryReactorClock()
        self.results: list[Any] = []
        context = SimpleNamespace(reactor=self.reactor)
        awaitable = command.run(cast(Any, context), command.options(**options))
        Deferred.fromCoroutine(cast(Any, awaitable)).addBoth(self.results.append)

    def connection(self, answer: Callable[[bytes], bytes], clients: str = "tcpClients") -> None:
        """Accept the latest connection, and answer what it sends."""
        factory = getattr(self.reactor, clients)[-1][2 if clients == "tcpClients" else 1]
        protocol, peer = factory.buildProtocol(None), Peer()
        peer.protocol = protocol
        protocol.makeConnection(peer)
        protocol.dataReceived(answer(peer.value()))

    def fail(self, clients: str = "tcpClients") -> None:
        factory = getattr(self.reactor, clients)[-1][2 if clients == "tcpClients" else 1]
        factory.clientConnectionFailed(None, Failure(Refused()))

    @property
    def message(self) -> str:
        """How it failed."""
        [failure] = self.results
        assert failure.check(CommandFailed), failure
        return str(failure.value)


def same(data: bytes) -> bytes:
    return data


def test_the_service_contributes_them() -> None:
    assert [command.name for command in echo.contributed(Command)] == ["echo ping", "echo time"]


def test_ping_prints_a_line_for_each_return(capsys: pytest.CaptureFixture[str]) -> None:
    running = Running(PING, address="tcp:127.0.0.1:7007", count=3, size=10)
    for _ in range(3):
        running.connection(same)
    assert running.results == [None]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"10 bytes from tcp:127.0.0.1:7007: number={number} time=0.00 ms" for number in (1, 2, 3)]


def test_what_ping_sends_differs_each_time() -> None:
    running = Running(PING, address="tcp:127.0.0.1:7007", count=2, size=10)
    seen: list[bytes] = []
    for _ in range(2):
        running.connection(lambda data: seen.append(data) or data)  # type: ignore[func-returns-value]  # appends
    assert [len(data) for data in seen] == [10, 10]
    assert seen[0] != seen[1]


@pytest.mark.parametrize(
    ("address", "clients", "target"),
    [
        ("tcp:127.0.0.1:7007", "tcpClients", ("127.0.0.1", 7007)),
        ("tcp6:[::1]:7007", "tcpClients", ("::1", 7007)),
        ("unix:/run/echo.sock", "unixClients", ("/run/echo.sock",)),
    ],
)
def test_ping_connects_where_it_is_told(address: str, clients: str, target: tuple[object, ...]) -> None:
    running = Running(PING, address=address, count=1)
    assert getattr(running.reactor, clients)[0][: len(target)] == target
    running.connection(same, clients)
    assert running.results == [None]


def test_a_refused_connection_is_said_with_its_address() -> None:
    running = Running(PING, address="tcp:127.0.0.1:7007")
    running.fail()
    assert running.message == "tcp:127.0.0.1:7007: Connection was refused by other side."


def test_no_answer_is_said_with_the_time_that_was_waited() -> None:
    running = Running(PING, address="tcp:127.0.0.1:7007", timeout=2.5)
    running.reactor.advance(2.5)
    assert running.message == "tcp:127.0.0.1:7007: no answer within 2.5 s"


def test_an_answer_that_differs_is_said() -> None:
    running = Running(PING, address="tcp:127.0.0.1:7007")
    running.connection(lambda data: b"x" * len(data))
    assert running.message == "tcp:127.0.0.1:7007: what came back is not what was sent"


def test_a_datagram_that_cannot_be_sent_is_said_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def exchange(*arguments: Any, **options: Any) -> Any:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("netforge.services.echo.commands.exchange", exchange)
    running = Running(PING, address="udp:192.0.2.1:7")
    assert running.message == "udp:192.0.2.1:7: Network is unreachable"


@pytest.mark.parametrize("command", [PING, TIME], ids=["ping", "time"])
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("7007", "7007: expected an address such as tcp:127.0.0.1:7007"),
        ("tcp:example.org:7", "tcp:example.org:7: expected the IP address of an interface, found 'example.org'"),
        ("fd:3", "fd:3: expected tcp:, tcp6:"),
    ],
)
def test_what_is_no_address_is_said(command: Command[Any], address: str, message: str) -> None:
    assert Running(command, address=address).message.startswith(message)


def test_time_is_printed_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    running = Running(TIME, address="tcp:127.0.0.1:7037")
    running.connection(lambda data: (2_208_988_800 + 86_400).to_bytes(4))
    assert running.results == [None]
    assert capsys.readouterr().out == "1970-01-02 00:00:00 UTC\n"


def test_time_fails_as_ping_does() -> None:
    refused = Running(TIME, address="tcp:127.0.0.1:7037")
    refused.fail()
    assert refused.message == "tcp:127.0.0.1:7037: Connection was refused by other side."
    silent = Running(TIME, address="tcp:127.0.0.1:7037", timeout=5)
    silent.reactor.advance(5)
    assert silent.message == "tcp:127.0.0.1:7037: no answer within 5 s"


def test_time_is_not_asked_by_datagram() -> None:
    assert re.match("udp:.*: expected tcp:, tcp6: or unix:$", Running(TIME, address="udp:127.0.0.1:7").message)
