"""What proves to an ACME server by TLS-ALPN-01 that a name is ours (RFC 8737)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["validation_certificate"]

#: The extension that holds the proof (RFC 8737, section 6.1).
ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")

#: How long a validation certificate says that it is valid. It is used within seconds.
LIFETIME = timedelta(days=7)


def validation_certificate(name: str, key_authorization: str) -> bytes:
    """Key and self-signed certificate by which TLS-ALPN-01 is answered (RFC 8737, section 3), in one PEM text.

    :param name: the DNS name that is validated.
    :param key_authorization: as RFC 8555, section 8.1, has it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME validation")])
    now = datetime.now(UTC)
    # An ASN.1 octet string of 32 bytes.
    proof = b"\x04\x20" + sha256(key_authorization.encode()).digest()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFETIME)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(ACME_IDENTIFIER, proof), critical=True)
        .sign(key, SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
