"""The load programs count what a server really answered."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from bench.peers.serving import HOST
from bench.processes import started
from bench.session import Session

pytestmark = pytest.mark.real

SIZE = 100


class Answers:
    """Sends back messages of 100 bytes, and counts those of which it could."""

    def __init__(self, secure: Callable[[socket.socket], socket.socket] = lambda stream: stream) -> None:
        self.count = 0
        self._secure = secure

    def serve_streams(self, listening: socket.socket) -> None:
        """Serve one connection after the other, until the socket is shut down."""
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            # A load program that ends leaves in the middle of something.
            with plain, suppress(OSError), self._secure(plain) as stream:
                while len(message := stream.recv(SIZE)) == SIZE:
                    stream.sendall(message)
                    self.count += 1

    def serve_datagrams(self, receiving: socket.socket) -> None:
        """Serve until an empty datagram."""
        while True:
            message, client = receiving.recvfrom(SIZE)
            if not message:
                return
            receiving.sendto(message, client)
            self.count += 1


def counted(session: Session, command: str, port: int) -> int:
    """Run a load program against a port, with one connection; what it counted."""
    with started(["cat"], session.load_cores) as other, session.load(command, port, other) as load:
        return int(json.loads(load.read_line(session.seconds))["operations"])


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Without warm-up, so that everything is counted."""
    return Session(tmp_path, 0, 0.1, quick=True)


def count_streams(session: Session, command: str, answers: Answers) -> int:
    with socket.create_server((HOST, 0)) as listening:
        thread = Thread(target=answers.serve_streams, args=(listening,))
        thread.start()
        try:
            return counted(session, command, listening.getsockname()[1])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def check_streams(session: Session, command: str, answers: Answers) -> None:
    operations = count_streams(session, command, answers)
    # The last answer may come too late.
    assert 0 < operations <= answers.count <= operations + 1


@pytest.mark.parametrize("mode", ["echo", "accept"])
def test_tcp(session: Session, mode: str) -> None:
    check_streams(session, f"tcp {{ours}} -s {SIZE} {mode}", Answers())


def test_what_comes_before_the_window_is_not_counted(tmp_path: Path) -> None:
    answers = Answers()
    operations = count_streams(Session(tmp_path, 0.1, 0.1, quick=True), f"tcp {{ours}} -s {SIZE} echo", answers)
    assert 0 < operations < answers.count - 1


@pytest.mark.parametrize("mode", ["echo", "handshake"])
def test_tls(session: Session, mode: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(session.certificate)
    answers = Answers(lambda stream: context.wrap_socket(stream, server_side=True))
    check_streams(session, f"tls {{ours}} -s {SIZE} {mode}", answers)


def test_udp(session: Session) -> None:
    answers = Answers()
    with socket.socket(type=socket.SOCK_DGRAM) as receiving:
        receiving.bind((HOST, 0))
        thread = Thread(target=answers.serve_datagrams, args=(receiving,))
        thread.start()
        try:
            operations = counted(session, f"udp {{ours}} -s {SIZE} echo", receiving.getsockname()[1])
        finally:
            receiving.sendto(b"", receiving.getsockname())
            thread.join()
    assert 0 < operations <= answers.count <= operations + 1


def test_bulk_counts_mebibytes(session: Session) -> None:
    taken = 0

    def take(listening: socket.socket) -> None:
        nonlocal taken
        stream, _ = listening.accept()
        with stream:
            while data := stream.recv(1 << 20):
                taken += len(data)

    with socket.create_server((HOST, 0)) as listening:
        thread = Thread(target=take, args=(listening,), daemon=True)
        thread.start()
        operations = counted(session, "tcp {ours} bulk", listening.getsockname()[1])
        thread.join()
    assert operations == taken >> 20 > 0
