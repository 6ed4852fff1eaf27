"""Each server does what its case wants, and processes end with what started them."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from pathlib import Path
from threading import Thread

import pytest

from bench.case import LIMIT, OURS, PEERS, Sample
from bench.measures import read_rate
from bench.peers.serving import DOWNLOAD, HOST
from bench.processes import BenchError, started
from bench.session import Session

pytestmark = pytest.mark.real

PATIENCE = 30.0
SERVERS = (OURS, *PEERS)
# More than sockets buffer, so that no server can send it back at once.
MUCH = bytes(range(256)) * 64 * 1024


def exchange(stream: socket.socket, request: bytes, size: int) -> bytes:
    """Send a request while reading the answer to it, of that size."""
    stream.settimeout(PATIENCE)
    answer = bytearray()
    sender = Thread(target=stream.sendall, args=(request,))
    sender.start()
    while len(answer) < size and (more := stream.recv(1 << 20)):
        answer += more
    sender.join()
    return bytes(answer)


def connect(line: str) -> socket.socket:
    return socket.create_connection((HOST, int(line)), timeout=PATIENCE)


@pytest.mark.parametrize("peer", [*SERVERS, LIMIT])
def test_tcp_echo(session: Session, peer: str) -> None:
    with session.server(peer, "tcp-echo") as server:
        line = server.read_line()
        with connect(line) as one, connect(line) as other:
            assert exchange(one, MUCH, len(MUCH)) == MUCH
            assert exchange(other, b"hello", 5) == b"hello"


@pytest.mark.parametrize("peer", SERVERS)
def test_tcp_echo_of_netforge(session: Session, peer: str) -> None:
    with session.server(peer, "tcp-echo-factory") as server, connect(server.read_line()) as stream:
        assert exchange(stream, b"hello", 5) == b"hello"


@pytest.mark.parametrize("peer", SERVERS)
def test_tcp_sink_reads_everything_and_answers_nothing(session: Session, peer: str) -> None:
    with session.server(peer, "tcp-sink") as server, connect(server.read_line()) as stream:
        stream.sendall(MUCH)
        stream.shutdown(socket.SHUT_WR)
        assert stream.recv(1) == b""


@pytest.mark.parametrize("peer", SERVERS)
def test_tcp_download(session: Session, peer: str) -> None:
    with session.server(peer, "tcp-download") as server, connect(server.read_line()) as stream:
        for _ in range(2):
            assert exchange(stream, b"x", len(DOWNLOAD)) == DOWNLOAD


@pytest.mark.parametrize("peer", SERVERS)
def test_tls_echo(session: Session, peer: str) -> None:
    context = ssl.create_default_context(cafile=session.certificate)
    context.check_hostname = False
    with (
        session.server(peer, "tls-echo") as server,
        connect(server.read_line()) as stream,
        context.wrap_socket(stream) as secure,
    ):
        secure.sendall(b"hello")
        assert secure.recv(5) == b"hello"
        assert secure.version() == "TLSv1.3"


@pytest.mark.parametrize("peer", SERVERS)
def test_udp_echo(session: Session, peer: str) -> None:
    with session.server(peer, "udp-echo") as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect((HOST, int(server.read_line())))
        client.send(b"hello")
        assert client.recv(100) == b"hello"


def test_a_process_is_told_to_end_by_the_end_of_its_input(session: Session) -> None:
    with started([sys.executable, "-c", "input()"], session.load_cores) as process:
        assert not process.ended
    assert process.ended


def test_a_process_is_killed_when_the_runner_is_interrupted(session: Session) -> None:
    endless = [sys.executable, "-c", "while True: pass"]
    with pytest.raises(KeyboardInterrupt), started(endless, session.load_cores) as process:
        raise KeyboardInterrupt
    assert process.ended


def test_server_and_load_run_on_different_cores_where_there_are_two(session: Session) -> None:
    with session.server(LIMIT, "tcp-echo") as limit, session.server(OURS, "tcp-echo") as ours:
        port = int(limit.read_line())
        with session.load("tcp {ours} echo", port, limit) as load:
            cores = [os.sched_getaffinity(process.pid) for process in (limit, ours, load)]
    assert cores == [session.server_cores, session.server_cores, session.load_cores]
    assert len(os.sched_getaffinity(0)) == 1 or not session.server_cores & session.load_cores


def test_a_process_tells_its_memory_and_cpu_time(session: Session) -> None:
    code = """
import time
memory = bytearray(50_000_000)
while time.process_time() < 0.3: pass
print(flush=True)
input()
"""
    with started([sys.executable, "-c", code], session.load_cores) as process:
        process.read_line()
        assert 50_000_000 < process.resident_bytes() < 100_000_000
        assert 0.28 < process.cpu_seconds() < 1.0


def test_children_count_too_and_are_killed_when_it_ends(session: Session, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    code = f"""
import os, time
child = os.fork()
if child:
    input()
    os._exit(0)
memory = bytearray(50_000_000)
while time.process_time() < 0.2: pass
alive = open({str(alive)!r}, "w")
time.sleep(10)
alive.write("still")
"""
    with started([sys.executable, "-c", code], session.load_cores) as process:
        reading = alive.open()
        assert process.resident_bytes() > 50_000_000
        assert process.cpu_seconds() > 0.18
    with reading:
        assert reading.read() == ""


def test_a_rate_is_read_from_one_line_of_json(session: Session) -> None:
    code = """print('{"operations": 200.0, "seconds": 2.5, "cpu": 0.5}')"""
    with started([sys.executable, "-c", code], session.load_cores) as process:
        assert read_rate(process, session) == Sample(80.0, 2500.0)


def test_no_operation_at_all_is_an_error(session: Session) -> None:
    silent = ["-c", "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); input()"]
    with (
        started([sys.executable, "-u", *silent], session.server_cores) as server,
        session.load("tcp {ours} echo", int(server.read_line()), server) as load,
        pytest.raises(BenchError, match="not one operation"),
    ):
        read_rate(load, session)


def test_the_load_tells_the_cpu_time_of_the_server_and_not_its_own(session: Session) -> None:
    with (
        session.server(LIMIT, "tcp-echo") as server,
        session.server(LIMIT, "tcp-echo") as idle,
        session.load("tcp {ours} echo", int(server.read_line()), idle) as load,
    ):
        assert read_rate(load, session).cpu_us == 0


def test_a_failure_says_which_process_failed_and_what_all_of_them_wrote(session: Session) -> None:
    talking = [sys.executable, "-c", "import sys; sys.stderr.write('in a good mood'); print(flush=True); input()"]
    failing = [sys.executable, "-c", "raise SystemExit('out of ' + 'luck')"]
    with (
        pytest.raises(BenchError, match=r"luck.* ended too early") as caught,
        started(talking, session.server_cores) as other,
        started(failing, session.load_cores) as process,
    ):
        other.read_line()
        process.read_line()
    ours, others = caught.value.__notes__
    assert ours.endswith("wrote:\nout of luck")
    assert others.endswith("wrote:\nin a good mood")


def test_a_load_that_cannot_connect_says_so(session: Session) -> None:
    with (
        pytest.raises(BenchError) as caught,
        started([sys.executable, "-c", "input()"], session.server_cores) as server,
        session.load("tcp {ours} echo", 1, server) as load,
    ):
        load.read_line()
    assert caught.value.__notes__[0].endswith("wrote:\nsend: Connection refused")


def test_a_program_that_is_not_there_is_named(session: Session) -> None:
    with (
        started([sys.executable, "-c", "input()"], session.server_cores) as server,
        pytest.raises(BenchError, match="no-such-program is not installed"),
    ):
        session.load("no-such-program {port}", 1, server)


def test_where_a_program_of_debian_is_found_is_said(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchError, match="nginx is not installed: on Debian, install nginx-light"):
        session.server("nginx", "http-hello")
