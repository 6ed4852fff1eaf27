"""A directory: OpenLDAP's server (Debian's ``slapd``) on a free port."""

from __future__ import annotations

import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Directory"]

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw admin-secret
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn="cn=admin,dc=example,dc=org" write by * none
"""

ENTRIES = """
dn: dc=example,dc=org
objectClass: domain
dc: example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: cn=Ada,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
cn: Ada
sn: Lovelace
uid: ada
userPassword: pencil

dn: cn=One,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
cn: One
sn: One
uid: twin
userPassword: pencil

dn: cn=Two,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
cn: Two
sn: Two
uid: twin
userPassword: pencil

dn: cn=staff,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: staff
member: cn=Ada,ou=people,dc=example,dc=org

dn: cn=others,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: others
member: cn=One,ou=people,dc=example,dc=org
"""


class Directory:
    """A directory with a few people.

    :ivar port: where it listens without TLS, and with StartTLS.
    :ivar tls_port: where it listens with TLS.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = _free_port(), _free_port()
        (folder / "data").mkdir()
        (folder / "slapd.conf").write_text(CONFIGURATION.format(folder=folder))
        (folder / "password").write_text("admin-secret\n")
        _write_certificate(folder)
        entries = folder / "entries.ldif"
        entries.write_text(ENTRIES.lstrip())
        subprocess.run(
            ["slapadd", "-f", folder / "slapd.conf", "-l", entries], check=True, capture_output=True, timeout=60
        )
        self.start()

    def start(self) -> None:
        """Serve, and wait until it does."""
        urls = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        self._process = subprocess.Popen(
            ["slapd", "-f", self.folder / "slapd.conf", "-h", urls, "-d", "0"], stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.tls_port)).close()
            except ConnectionRefusedError:
                assert self._process.poll() is None, "slapd has ended"
                time.sleep(0.05)
            else:
                return
        raise AssertionError("slapd does not listen")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "server.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "server.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
