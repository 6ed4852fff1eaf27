"""Pebble, Let's Encrypt's ACME server for tests, with a name server for which every name is this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Pebble", "free_ports", "pebble"]


@dataclass(frozen=True)
class Pebble:
    """A pebble that runs.

    :param directory: the URL of its directory.
    :param authorities: what its HTTPS is believed by.
    :param http_port: where it looks for HTTP-01.
    :param tls_port: where it looks for TLS-ALPN-01.
    """

    directory: str
    authorities: Path
    http_port: int
    tls_port: int


@contextmanager
def pebble(folder: Path, lifetime: int = 3600) -> Iterator[Pebble]:
    """Start it, and end it afterwards.

    :param lifetime: seconds that its certificates are valid.
    """
    directory, management, http, tls, dns, control = free_ports(6)
    certificate, key = _own_certificate(folder)
    settings = {
        "listenAddress": f"127.0.0.1:{directory}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": http,
        "tlsPort": tls,
        "certificateValidityPeriod": lifetime,
    }
    config = folder / "pebble.json"
    config.write_text(json.dumps({"pebble": settings}))
    names = ["-dns01", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{control}", "-defaultIPv6", ""]
    unused = [word for option in ("-http01", "-https01", "-tlsalpn01") for word in (option, "")]
    # By itself it sleeps for some seconds before it validates, and by chance does not validate again.
    environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0"}
    commands = [
        ["pebble-challtestsrv", *names, *unused],
        ["pebble", "-config", str(config), "-dnsserver", f"127.0.0.1:{dns}"],
    ]
    with (folder / "pebble.log").open("wb") as log:
        processes = [subprocess.Popen(one, stdout=log, stderr=log, env=environment) for one in commands]
        try:
            for port in (directory, control):
                _wait_for(port, folder / "pebble.log")
            yield Pebble(f"https://127.0.0.1:{directory}/dir", certificate, http, tls)
        finally:
            for process in processes:
                process.kill()
                process.wait()


def free_ports(count: int) -> list[int]:
    """Ports that are free now, for programs that cannot choose for themselves."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with closing(socket.create_connection(("127.0.0.1", port))):
                return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)


def _own_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pebble")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    certificate_path, key_path = folder / "pebble.pem", folder / "pebble.key"
    certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate_path, key_path
