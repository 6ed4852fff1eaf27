"""Certificates from Pebble, an ACME server that others wrote, in a server in a process of its own."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from tests.cli.conftest import Launch, Server, launch
from tests.shared.certificates.acme.pebble import Pebble, pebble

__all__ = ["launch"]

pytestmark = pytest.mark.real

SETTINGS = """
[netforge]
state = "state"

[shared.certificates.acme]
directory = "{directory}"
authorities = "{authorities}"
contact = "postmaster@example.org"
terms_accepted = true
{challenge}

[shared.certificates.acme.certificates]
web = ["www.example.org", "example.org"]

[services.echo]
listen = [{{ address = "tcp:127.0.0.1:{port}", tls = true }}]
"""

BY_HTTP = 'challenge = "http-01"\nhttp = ["tcp:127.0.0.1:{port}"]'


def run(launch: Launch, folder: Path, server: Pebble, challenge: str = "") -> Server:
    (folder / "forge.toml").write_text(
        SETTINGS.format(
            directory=server.directory, authorities=server.authorities, challenge=challenge, port=server.tls_port
        )
    )
    netforge = launch("netforge", "run", "forge.toml", "--ready-file", "ready.json")
    netforge.wait_ready()
    return netforge


def shown(server: Pebble, name: str) -> x509.Certificate:
    """The certificate that a client is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", server.tls_port))
    with context.wrap_socket(plain, server_hostname=name) as secured:
        return x509.load_der_x509_certificate(secured.getpeercert(True) or b"")


def shown_when(server: Pebble, name: str, right: Callable[[x509.Certificate], bool]) -> x509.Certificate:
    """The first certificate of a kind that a client is shown."""
    deadline = time.monotonic() + 30
    while not right(certificate := shown(server, name)):
        assert time.monotonic() < deadline, certificate
        time.sleep(0.1)
    return certificate


def by_pebble(certificate: x509.Certificate) -> bool:
    return "Pebble" in certificate.issuer.rfc4514_string()


def names(certificate: x509.Certificate) -> set[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(found.get_values_for_type(x509.DNSName))


@pytest.mark.parametrize("by_http", [False, True])
def test_a_certificate_is_ordered_and_shown_without_a_restart(launch: Launch, tmp_path: Path, by_http: bool) -> None:
    with pebble(tmp_path) as server:
        challenge = BY_HTTP.format(port=server.http_port) if by_http else ""
        netforge = run(launch, tmp_path, server, challenge)
        certificate = shown_when(server, "www.example.org", by_pebble)
        assert names(certificate) == {"www.example.org", "example.org"}
        kept = tmp_path / "state" / "certificates" / "acme"
        assert {path.name.partition("-")[0] for path in kept.iterdir()} == {"web.pem", "account"}
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept.iterdir())
        [account] = kept.glob("account-*")
        assert json.loads(account.read_bytes())["uri"].startswith("https://127.0.0.1:")
        netforge.end()
        # What was issued outlives the process.
        run(launch, tmp_path, server, challenge)
        assert shown(server, "example.org").serial_number == certificate.serial_number


def test_a_certificate_is_renewed_without_a_restart(launch: Launch, tmp_path: Path) -> None:
    with pebble(tmp_path, lifetime=6) as server:
        run(launch, tmp_path, server)
        first = shown_when(server, "example.org", by_pebble)
        second = shown_when(server, "example.org", lambda one: one.serial_number != first.serial_number)
        assert by_pebble(second)
        assert second.not_valid_after_utc > first.not_valid_after_utc


def test_without_its_server_the_local_authority_serves_and_the_log_says_why(launch: Launch, tmp_path: Path) -> None:
    with pebble(tmp_path) as server:
        pass
    netforge = run(launch, tmp_path, server)
    assert not by_pebble(shown(server, "www.example.org"))
    netforge.wait_for("no certificate 'web' was issued")
