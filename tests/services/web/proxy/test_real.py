"""A proxy on real sockets, in front of servers that others wrote: nginx, uvicorn, and Python's own over TLS."""

from __future__ import annotations

import http.server
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any, cast

import pytest
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from netforge.plugin import Context
from netforge.protocols.http import HTTPFactory
from netforge.services.web.proxy import ProxySettings, host_proxy
from tests.conftest import Drive
from tests.shared.certificates.conftest import Issuer

pytestmark = pytest.mark.real

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_nginx = pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not installed")

#: Seconds that a program may take.
PATIENCE = 20.0

NGINX_CONF = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/a; fastcgi_temp_path {folder}/b;
    uwsgi_temp_path {folder}/c; scgi_temp_path {folder}/d;
    server {{ listen unix:{folder}/nginx.sock; root {folder}; }}
}}
"""

ASGI_APP = """
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"].upper()})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-scheme", scope["scheme"].encode())]})
    await send({"type": "http.response.body", "body": body.upper(), "more_body": True})
    await send({"type": "http.response.body", "body": b"!"})
"""


class Surroundings:
    """What a proxy uses of a context."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = self.clock = reactor
        self.random = Random(1)


@contextmanager
def running(*command: str, until: Path) -> Iterator[None]:
    """A program that makes a socket, and ends with the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not until.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert until.exists(), f"{command[0]} did not start"
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def through(drive: Drive, settings: Any, client: Callable[[int], Any]) -> Any:
    """What a client gets that runs in a thread and connects to a proxy on this port."""

    async def scenario(reactor: Any) -> Any:
        at_rest = set(reactor.getReaders())
        hosted = host_proxy(ProxySettings.model_validate(settings), cast(Context, Surroundings(reactor)))
        port = reactor.listenTCP(0, HTTPFactory(hosted.application, reactor), interface="127.0.0.1")
        try:
            return await deferToThreadPool(reactor, reactor.getThreadPool(), client, port.getHost().port)
        finally:
            await port.stopListening()
            for task in hosted.tasks:
                task.stop()
            # What is cut or closed is gone some turns later.
            await deferLater(reactor, 0)
            while {*reactor.getReaders(), *reactor.getWriters()} - at_rest:
                await deferLater(reactor, 0.005)
            await deferLater(reactor, 0)

    return drive(scenario)


def curl(*arguments: str) -> bytes:
    return subprocess.run(
        ["curl", "-sS", "--max-time", str(PATIENCE), *arguments], check=True, capture_output=True
    ).stdout


@needs_curl
@needs_nginx
def test_nginx_on_a_unix_socket(drive: Drive, tmp_path: Path) -> None:
    content = Random(1).randbytes(3_000_000)
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "nginx.conf").write_text(NGINX_CONF.format(folder=tmp_path))

    def client(port: int) -> list[bytes]:
        url = f"http://127.0.0.1:{port}/file"
        return [curl(url, url), curl("-r", "10-19", url), curl("-I", url)]

    with running(NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), until=tmp_path / "nginx.sock"):
        whole, part, head = through(drive, f"unix:{tmp_path}/nginx.sock", client)
    assert whole == content * 2
    assert part == content[10:20]
    assert b"content-length: 3000000" in head.lower()


@needs_curl
def test_uvicorn_with_bodies_and_websockets(drive: Drive, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    client_of = pytest.importorskip("websockets.sync.client")
    (tmp_path / "shouting.py").write_text(ASGI_APP)
    path = tmp_path / "app.sock"
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(tmp_path), "--uds", str(path), "shouting:app"]

    def client(port: int) -> list[Any]:
        url = f"http://127.0.0.1:{port}/"
        plain = curl("--data-binary", "hello", url)
        chunked = curl("-H", "Transfer-Encoding: chunked", "--data-binary", "hello", url)
        over_2 = curl("--http2-prior-knowledge", "--data-binary", "hello", url)
        with client_of.connect(f"ws://127.0.0.1:{port}/") as socket:
            socket.send("hello")
            return [plain, chunked, over_2, socket.recv(PATIENCE)]

    with running(*command, until=path):
        answers = through(drive, f"unix:{path}", client)
    assert answers == [b"HELLO!", b"HELLO!", b"HELLO!", "HELLO"]


@needs_curl
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
def test_a_server_of_pythons_over_tls(drive: Drive, tmp_path: Path) -> None:
    issuer = Issuer()
    (tmp_path / "ca.pem").write_bytes(issuer.pem)
    (tmp_path / "cert.pem").write_bytes(issuer.issue("app.test"))
    (tmp_path / "file").write_bytes(b"hello")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        # So that it ends after its connections.
        daemon_threads = False

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem")
    with Server(("127.0.0.1", 0), Quiet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        tls = {"authority": tmp_path / "ca.pem", "name": "app.test"}
        settings = {"to": f"https://127.0.0.1:{server.server_port}", "tls": tls}
        try:
            got = through(drive, settings, lambda port: curl(f"http://127.0.0.1:{port}/file"))
        finally:
            server.shutdown()
            thread.join()
    assert got == b"hello"
