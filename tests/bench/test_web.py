"""Web servers answer, web load counts answers, and what other programs print is understood."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from bench.case import LIMIT, OURS, WEB_LIMIT, Variant
from bench.measures import by_h2load, by_wrk, read_rate
from bench.peers.hello import HELLO
from bench.peers.serving import HOST
from bench.processes import BenchError, started
from bench.session import Session

pytestmark = pytest.mark.real

PATIENCE = 30.0
SERVERS = {
    OURS: ["http-hello", "http-asgi", "http-starlette", "http-flask"],
    "twisted-web": ["http-hello"],
    "uvicorn": ["http-hello", "http-starlette"],
    "granian": ["http-hello"],
    "gunicorn": ["http-flask"],
    "hypercorn": ["http-hello"],
    WEB_LIMIT: ["http-hello"],
}
H2LOAD = """
finished in 2.00s, {rate:.2f} req/s, 30.22KB/s
requests: 900 total, 900 started, 900 done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: 900 2xx, 0 3xx, 0 4xx, 0 5xx
"""


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextmanager
def answering(body: bytes, seen: list[bytes], status: str = "200 OK") -> Iterator[int]:
    """A server for one connection, which answers whatever comes. What comes is added to the list."""
    answer = f"HTTP/1.1 {status}\r\nX: y\r\nCONTENT-length:{len(body)}\r\n\r\n".encode() + body

    def serve() -> None:
        # A load program leaves in the middle of something.
        with suppress(OSError), listening.accept()[0] as stream:
            while request := stream.recv(4096):
                seen.append(request)
                stream.sendall(answer)

    with socket.create_server((HOST, 0)) as listening:
        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def load(session: Session, command: str, port: int) -> dict[str, float]:
    with started(["cat"], session.load_cores) as other, session.load(command, port, other) as process:
        found: dict[str, float] = json.loads(process.read_line(session.seconds))
        return found


def install(name: str, output: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a program that prints this. Its arguments go to the file whose path is returned, a line for each run."""
    program, arguments = folder / name, folder / "arguments"
    program.write_text(f"#!/bin/sh\necho $@ >> {arguments}\ncat <<'END'\n{output}\nEND\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return arguments


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Of short measurements, without warm-up, so that everything is counted. Builds each load program once."""
    return Session(tmp_path_factory.mktemp("session"), 0, 0.1, quick=True)


@pytest.mark.parametrize(
    ("peer", "serve"),
    [
        pytest.param(peer, serve, marks=needs("nginx") if peer == WEB_LIMIT else ())
        for peer, served in SERVERS.items()
        for serve in served
    ],
)
def test_hello(session: Session, peer: str, serve: str) -> None:
    with session.server(peer, serve) as server:
        assert get(int(server.read_line()), "/hello") == (200, HELLO)


@pytest.mark.parametrize("peer", [OURS, pytest.param(WEB_LIMIT, marks=needs("nginx"))])
def test_static(session: Session, peer: str) -> None:
    with session.server(peer, "http-static") as server:
        port = int(server.read_line())
        assert get(port, "/kib") == (200, bytes(10 * 1024))
        assert get(port, "/mib") == (200, bytes(1024 * 1024))


@pytest.mark.parametrize("peer", [OURS, "websockets", "websockets-uvloop"])
def test_websocket(session: Session, peer: str) -> None:
    with (
        session.server(peer, "ws-echo") as server,
        session.load("ws {ours} -n 2 -s 1000 echo", int(server.read_line()), server) as process,
    ):
        assert read_rate(process, session).value > 0


def test_what_answers_in_the_wrong_way_is_no_websocket(session: Session) -> None:
    with answering(b"", []) as port, pytest.raises(BenchError) as caught:
        load(session, "ws {ours} echo", port)
    assert "HTTP/1.1 200 OK" in caught.value.__notes__[0]


def test_bulk_counts_mebibytes(session: Session) -> None:
    seen: list[bytes] = []
    with answering(bytes(1 << 20), seen) as port:
        found = load(session, "http {ours} -u /some/path bulk", port)
    # The last response may come too late, and each has a head too.
    assert 0 < len(seen) - 1 <= found["operations"] < len(seen) * 1.001
    assert set(seen) == {b"GET /some/path HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port}


def test_an_error_is_no_answer(session: Session) -> None:
    with answering(b"no", [], "404 Not Found") as port, pytest.raises(BenchError) as caught:
        load(session, "http {ours} bulk", port)
    assert "404 Not Found" in caught.value.__notes__[0]


def test_paced_load_asks_as_often_as_told(session: Session) -> None:
    seen: list[bytes] = []
    with answering(HELLO, seen) as port:
        found = load(session, "http {ours} -r 200 paced", port)
    assert 0 < found["operations"] <= len(seen) <= 21
    assert 0 < found["median"] <= found["p99"]


def test_idle_connections_stay(session: Session) -> None:
    seen: list[bytes] = []
    with answering(HELLO, seen) as port, started(["cat"], session.load_cores) as other:
        with session.load("http {ours} idle", port, other) as process:
            assert process.read_line() == "ready\n"
        assert len(seen) == 1


@needs("wrk")
def test_wrk(session: Session) -> None:
    variant = Variant("a variant", "wrk {wrk} -c 2 {http}/hello", serve="http-hello")
    value, cpu_us = by_wrk(session, OURS, variant)
    assert value > 0
    assert cpu_us is not None
    assert 0 < cpu_us * value < 1.5e6


def test_h2load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(tmp_path, 0.5, 2, quick=False)
    variant = Variant("a variant", "h2load -D {seconds} {http}/hello")
    arguments = install("h2load", H2LOAD.format(rate=450, succeeded=900, failed=0), tmp_path, monkeypatch)
    assert by_h2load(session, LIMIT, variant).value == 450
    # To warm it up, in whole seconds, and then to measure.
    assert [line.split()[:2] for line in arguments.read_text().splitlines()] == [["-D", "1"], ["-D", "2"]]
    install("h2load", H2LOAD.format(rate=450, succeeded=897, failed=3), tmp_path, monkeypatch)
    with pytest.raises(BenchError, match="had 3 requests fail"):
        by_h2load(session, LIMIT, variant)
