"""The UNIX port: it leaves the socket's file alone, outlives whatever a factory does, and rests without descriptors."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent, formatEvent

from netforge.host.unix import UnixPort

if TYPE_CHECKING:
    from tests.conftest import MemoryReactor

pytestmark = pytest.mark.real


class Accepting:
    """A socket that accepts what a test gives it: a socket, or an error."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.outcomes: list[OSError] = []

    def accept(self) -> tuple[socket.socket, Any]:
        if self.outcomes:
            raise self.outcomes.pop(0)
        return self._listening.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listening, name)


class Fixture:
    """A port on a real socket, whose reactor is in memory: it reads when the test says so."""

    def __init__(self, reactor: MemoryReactor, path: Path) -> None:
        self.reactor = reactor
        self.path = path
        listening = socket.socket(socket.AF_UNIX)
        listening.setblocking(False)
        listening.bind(str(path))
        listening.listen()
        self.socket = Accepting(listening)
        self.factory = Factory.forProtocol(Protocol)
        self.port = UnixPort(self.socket, self.factory, reactor)  # type: ignore[arg-type]  # a socket as it needs it
        self.port.startListening()
        self.clients: list[socket.socket] = []

    def connect(self) -> None:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self.path))
        self.clients.append(client)

    @property
    def reading(self) -> bool:
        return self.port in self.reactor.readers

    @property
    def accepted(self) -> int:
        return len(self.reactor.adoptedStreamConnections)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.socket.close()


@pytest.fixture
def fixture(memory: MemoryReactor, tmp_path: Path) -> Iterator[Fixture]:
    made = Fixture(memory, tmp_path / "a.sock")
    yield made
    made.close()


def test_it_accepts_whatever_waits(fixture: Fixture) -> None:
    for _ in range(3):
        fixture.connect()
    fixture.port.doRead()
    assert fixture.accepted == 3
    assert fixture.port.getHost().name == os.fsencode(fixture.path)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_without_descriptors_it_rests_and_goes_on(fixture: Fixture, number: int, events: list[LogEvent]) -> None:
    fixture.connect()
    fixture.socket.outcomes = [OSError(number, os.strerror(number))]
    fixture.port.doRead()
    assert (fixture.reading, fixture.accepted) == (False, 0)
    assert [os.strerror(number) in str(formatEvent(event)) for event in events] == [True]
    fixture.reactor.wait(1)
    assert fixture.reading
    fixture.port.doRead()
    assert fixture.accepted == 1


def test_a_port_that_is_held_does_not_read(fixture: Fixture) -> None:
    fixture.port.pauseProducing()
    assert not fixture.reading
    fixture.port.resumeProducing()
    assert fixture.reading


def test_a_port_that_is_held_does_not_go_on_by_itself(fixture: Fixture) -> None:
    fixture.socket.outcomes = [OSError(errno.EMFILE, "Too many open files")]
    fixture.port.doRead()
    fixture.port.pauseProducing()
    fixture.reactor.wait(1)
    assert not fixture.reading
    fixture.port.resumeProducing()
    assert fixture.reading


def test_a_port_that_rests_can_be_stopped(fixture: Fixture) -> None:
    fixture.socket.outcomes = [OSError(errno.EMFILE, "Too many open files")]
    fixture.port.doRead()
    fixture.port.stopListening()
    assert fixture.reactor.getDelayedCalls() == []
    assert (fixture.reading, fixture.port.fileno()) == (False, -1)


def test_a_connection_that_was_aborted_before_it_was_accepted_is_passed_over(fixture: Fixture) -> None:
    fixture.socket.outcomes = [ConnectionAbortedError()]
    fixture.port.doRead()
    assert fixture.reading


def test_it_outlives_a_factory_that_raises(
    fixture: Fixture, events: list[LogEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise ValueError("a bad factory")

    fixture.connect()
    with monkeypatch.context() as patched:
        patched.setattr(fixture.reactor, "adoptStreamConnection", refuse)
        fixture.port.doRead()
    assert [str(event["log_failure"].value) for event in events] == ["a bad factory"]
    assert fixture.clients[0].recv(1) == b""
    fixture.connect()
    fixture.port.doRead()
    assert (fixture.reading, fixture.accepted) == (True, 1)


def test_the_file_is_left_alone(fixture: Fixture) -> None:
    fixture.path.chmod(0o600)
    before = fixture.path.stat()
    fixture.port.stopListening()
    after = fixture.path.stat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
