"""Certificates that sign themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import Certificate, CertificateOptions, PrivateCertificate, optionsForClientTLS

__all__ = ["NAME", "Identity", "identity"]

#: Whom they are for.
NAME = "server.test"


class Identity(NamedTuple):
    """What both ends need for TLS.

    :ivar server: the server's side.
    :ivar client: the side of a client that trusts the server.
    """

    server: CertificateOptions
    client: IOpenSSLClientConnectionCreator


def identity(begin: int = 2025, end: int = 2045, name: str = NAME) -> Identity:
    """Make a certificate and what both ends need for it.

    :param begin: the year that it is valid from.
    :param end: the year that it is valid until.
    :param name: what the client calls the server.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(begin, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(end, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate = signed.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Identity(
        PrivateCertificate.loadPEM(certificate + private).options(),
        optionsForClientTLS(name, trustRoot=Certificate.loadPEM(certificate)),
    )
