"""A server in a process of its own, to ``openssl s_client``, to curl and to a client of Twisted's."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from tests.cli.conftest import Launch, Server, launch
from tests.shared.certificates.conftest import DAY, START, Issuer

__all__ = ["launch"]

pytestmark = pytest.mark.real

SETTINGS = """
[netforge]
state = "state"
[services.echo]
listen = {listen}
[services.daytime]
service = "echo"
protocol = "daytime"
listen = [{{ address = "tcp:127.0.0.1:0", tls = true }}]
"""
TLS = '[{ address = "tcp:127.0.0.1:0", tls = true }]'
MUTUAL = (
    """[{ address = "tcp:127.0.0.1:0", tls = true, client_certificates = "required", client_authority = "staff" }]"""
)
WEB = """
[shared.certificates.files.web]
certificate = "web.pem"
"""

Serve = Callable[..., Server]


@pytest.fixture
def serve(launch: Launch, tmp_path: Path) -> Serve:
    """Runs services over TLS; the root of their own authority is in root.pem."""

    def start(more: str = "", listen: str = TLS, arguments: Sequence[str] = ()) -> Server:
        file = tmp_path / "forge.toml"
        file.write_text(SETTINGS.format(listen=listen) + more)
        server = launch("netforge", "run", file, "--ready-file", "ready.json", *arguments)
        server.wait_ready()
        trust = launch("netforge", "trust", "--config", file)
        assert trust.finish() == 0
        (tmp_path / "root.pem").write_text(trust.printed)
        return server

    return start


def s_client(server: Server, *options: object, name: str = "echo", say: str = "hello\n") -> tuple[int, str]:
    """Talk by ``openssl s_client``: its exit status, and what it printed. It ends once the server has answered."""
    words = ["openssl", "s_client", "-connect", server.address(name), "-verify_return_error", "-brief", *options]
    process = subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(say)
    process.stdin.flush()
    printed = ""
    for line in process.stdout:
        printed += line
        if say and line == say:
            break
    printed += process.communicate(timeout=30)[0]
    return process.returncode, printed


def subject(printed: str) -> str:
    """Of the certificate that was shown."""
    found = re.search("Peer certificate: (.*)", printed)
    assert found, printed
    return found[1]


@pytest.mark.parametrize("reactor", ["forge", "epoll"])
def test_openssl_believes_the_local_authority(serve: Serve, tmp_path: Path, reactor: str) -> None:
    server = serve(arguments=["--reactor", reactor])
    trusting = ["-CAfile", tmp_path / "root.pem"]
    status, printed = s_client(server, *trusting, "-servername", "localhost", "-verify_hostname", "localhost")
    assert (status, "Verification: OK" in printed, "hello" in printed) == (0, True, True)
    assert s_client(server, *trusting, "-verify_ip", "127.0.0.1")[0] == 0
    status, printed = s_client(server, *trusting, "-verify_hostname", "example.org")
    assert (status, "hostname mismatch" in printed) == (1, True)
    assert s_client(server)[0] == 1
    assert server.end() == 0
    assert "Traceback" not in server.printed


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_speaks_both_versions(serve: Serve, tmp_path: Path, version: str) -> None:
    server = serve()
    status, printed = s_client(server, version, "-CAfile", tmp_path / "root.pem", "-servername", "localhost")
    assert (status, "hello" in printed) == (0, True)


def test_curl_believes_the_local_authority(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    _, port = server.address("daytime").split(":")

    def curl(url: str, *options: str) -> subprocess.CompletedProcess[str]:
        words = ["curl", "-sS", "-m", "20", "--http0.9", *options, url]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    for host in ("localhost", "127.0.0.1"):
        done = curl(f"https://{host}:{port}/", "--cacert", str(tmp_path / "root.pem"))
        assert (done.returncode, "UTC" in done.stdout) == (0, True), done.stderr
    done = curl(f"https://localhost:{port}/")
    assert done.returncode == 60, done.stderr


def test_openssl_shows_a_certificate_where_one_is_asked_for(serve: Serve, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "staff.pem").write_bytes(issuer.pem)
    server = serve('[shared.certificates.authorities]\nstaff = "staff.pem"', MUTUAL)
    trusting = ["-CAfile", tmp_path / "root.pem", "-servername", "localhost"]
    ours, others = tmp_path / "ours.pem", tmp_path / "others.pem"
    ours.write_bytes(issuer.issue(subject="CN=ada"))
    others.write_bytes(Issuer().issue(subject="CN=eve"))
    status, printed = s_client(server, *trusting, "-cert", ours)
    assert (status, "hello" in printed) == (0, True), printed
    for version in ("-tls1_2", "-tls1_3"):
        assert "\nhello" not in s_client(server, *trusting, version, "-cert", others)[1]
        assert "\nhello" not in s_client(server, *trusting, version)[1]
    assert server.end() == 0
    assert "Traceback" not in server.printed


def test_a_renewed_file_is_shown_and_a_broken_one_is_not(serve: Serve, issuer: Issuer, tmp_path: Path) -> None:
    web = tmp_path / "web.pem"
    web.write_bytes(issuer.issue("web.test", subject="CN=old"))
    (tmp_path / "issuer.pem").write_bytes(issuer.pem)
    server = serve(WEB)
    options = ["-CAfile", tmp_path / "issuer.pem", "-servername", "web.test"]
    assert subject(s_client(server, *options)[1]) == "CN = old"
    web.write_bytes(issuer.issue("web.test", subject="CN=new"))
    server.wait_for("certificate 'web' was read anew")
    assert subject(s_client(server, *options)[1]) == "CN = new"
    web.write_text("half a certi")
    server.wait_for("certificate 'web' cannot be used, the old one stays: no certificate in PEM was found")
    assert subject(s_client(server, *options)[1]) == "CN = new"
    assert server.end() == 0
    assert server.printed.count("cannot be used") == 1


def test_an_expired_certificate_is_one_event_and_the_service_stays(
    serve: Serve, issuer: Issuer, tmp_path: Path
) -> None:
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test", subject="CN=old", begin=START - 30 * DAY, days=29))
    (tmp_path / "issuer.pem").write_bytes(issuer.pem)
    server = serve(WEB)
    assert s_client(server, "-CAfile", tmp_path / "root.pem", "-servername", "localhost")[0] == 0
    printed = s_client(server, "-CAfile", tmp_path / "issuer.pem", "-servername", "web.test")[1]
    assert "certificate has expired" in printed
    assert server.end() == 0
    assert server.printed.count("certificate 'web' has expired at 2025-12-31 00:00:00 UTC") == 1


@pytest.mark.parametrize("reactor", ["forge", "epoll"])
def test_who_has_said_all_is_still_answered(serve: Serve, reactor: str) -> None:
    server = serve(arguments=["--reactor", reactor])
    host, port = server.address("echo").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as plain:
        client = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
        client.set_connect_state()

        def pump(call: Callable[[], Any]) -> Any:
            while True:
                try:
                    return call()
                except SSL.WantReadError:
                    flush()
                    client.bio_write(plain.recv(65536))

        def flush() -> None:
            with suppress(SSL.WantReadError):
                plain.sendall(client.bio_read(2**20))

        pump(client.do_handshake)
        # In one segment: data, and that it was the last.
        client.send(b"hello")
        client.shutdown()
        flush()
        assert pump(lambda: client.recv(100)) == b"hello"
        with pytest.raises(SSL.ZeroReturnError):
            pump(lambda: client.recv(100))


TELL = """
from twisted.internet.protocol import Factory, Protocol
from netforge.plugin import Connection, Listen, Settings, Stream, service

class Tell(Protocol):
    def dataReceived(self, data):
        if data == b"STARTTLS":
            self.transport.write(b"go on")
            self.transport.startTLS(self.factory.tls)
        else:
            known = Connection.of(self.transport)
            self.transport.write(f"{known.tls.version} {known.tls.server_name} {known.service}".encode())

class TellSettings(Settings):
    \"\"\"Tells what is known of the connection.\"\"\"
    listen: Listen = Listen("tcp:127.0.0.1:0", {"tls": "starttls"})

@service("tell", TellSettings)
def tell(settings, context):
    factory = Factory.forProtocol(Tell)
    factory.tls = None
    return [Stream(settings.listen, factory)]
"""


@pytest.mark.parametrize("reactor", ["forge", "epoll"])
def test_what_starttls_agreed_on_is_known(serve: Serve, tmp_path: Path, reactor: str) -> None:
    (tmp_path / "tell.py").write_text(TELL)
    server = serve("[services.tell]", arguments=["--reactor", reactor, "--plugin-dir", str(tmp_path)])
    host, port = server.address("tell").split(":")
    context = ssl.create_default_context(cafile=tmp_path / "root.pem")
    with socket.create_connection((host, int(port)), timeout=30) as plain:
        plain.sendall(b"STARTTLS")
        assert plain.recv(5) == b"go on"
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"?")
            assert secure.recv(100) == b"TLSv1.3 localhost tell"


def test_the_root_outlives_a_restart(serve: Serve, tmp_path: Path) -> None:
    assert serve().end() == 0
    before = (tmp_path / "root.pem").read_text()
    server = serve()
    assert (tmp_path / "root.pem").read_text() == before
    assert s_client(server, "-CAfile", tmp_path / "root.pem", "-servername", "localhost")[0] == 0


def test_a_declaration_takes_in_no_cryptography() -> None:
    modules = "netforge.shared.certificates, netforge.shared.layers.tls"
    code = f"import sys, {modules}; print({{'cryptography', 'OpenSSL'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
